"""scim.py - a daemon with the SCIM door for the tests of its routes; clients and teams are scim_clients.py's."""

import public
import scim_clients


def start(make_daemon, **settings):
    """A daemon with both HTTP listeners; `settings` are of [http]."""

    def prepare(daemon):
        domains = ", ".join(f'"t{number}.example.com"' for number in range(1, scim_clients.TEAMS_MAX))
        daemon.providers = scim_clients.PROVIDER.format(port=daemon.provider.port, domains=f'"example.com", {domains}')
        return {}

    return public.start(make_daemon, prepare, **settings)
