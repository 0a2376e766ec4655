"""What servers that keep to rules refuse, whatever the API."""


class Refused(Exception):
    """The request would be answered with status 400."""


def broken(rules, request):
    """{rule: why} of those that a request breaks."""
    found = {}
    for name, rule in rules.items():
        try:
            rule(request)
        except Refused as error:
            found[name] = str(error)
    return found
