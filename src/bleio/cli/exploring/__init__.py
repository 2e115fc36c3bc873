"""What `bleio explore` does, once there is a link.

tree      services and what is in them, for people and in JSON
prompt    the interactive part: lines that are typed, values that come meanwhile
words     what the lines mean
"""
