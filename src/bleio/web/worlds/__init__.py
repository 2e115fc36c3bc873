"""The page of a world.

page   its time stops, steps and hurries
stage  its devices: what they do, and what is done to them
"""
