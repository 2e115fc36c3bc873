"""What commands share. A command parses, calls the library and prints; how that is done is here.

    options    --adapter, --json and --json-schema, --pairing: decorators; numbers of a range
    adapters   the adapter that the options choose
    running    a command that awaits, from its start to Ctrl-C
    output     JSON lines, tables, texts of others that are fit to be shown
    stdout     standard output that takes every text, and is gone without a traceback
    paths      what is said of files that cannot be used
    packets    packets in words, of captures
    hints      what may be the reason when nothing is heard
    log        warnings while a view has the terminal
    times      a time on the command line
    fields     what addresses, UUIDs and octets are in JSON
    exits      exit codes, and which error gives which

A command in full:

    @click.command()
    @adapter_option
    @json_option("look")
    def look(adapter: str | None, as_json: bool) -> None:
        '''Say what the adapter is.'''
        finish(_look(chosen_adapter(adapter), as_json))

    async def _look(adapter: Adapter, as_json: bool) -> None:
        own = await aio.address(adapter)
        if as_json:
            print_json(address_fields(own))
        else:
            print_line(shown(await aio.name(adapter)))

with its schema in cli/schemas/look.json, and a row in `cli/main.py`. What it cannot do it raises as
`Failure` with an exit code; errors of the library pass through, and get theirs from `exits`.
"""
