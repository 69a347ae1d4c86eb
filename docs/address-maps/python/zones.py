"""A name for each client zone: broker 5 is `b5.office.example.com` for clients in zone `office`, and
`b5.partner.example.net` for those in zone `partner`.

The zones are those of `GATEWAY_ZONES`. Clients elsewhere are told no broker at all.
"""

from wit_world.exports.address_map import (
    Advertised,
    Broker,
    Client,
    ClientFields,
    Inbound,
    Plan,
    Target,
    Target_Bootstrap,
)

from config import Config, config_error
from names import Listener, below, broker, no_such_name, node_id, not_mapped


class Zones:
    def __init__(self, config: Config):
        self.listener = Listener(config)
        # Zone and its domain.
        self.zones = [pair(word) for word in config.words("zones")]

    def plan(self) -> Plan:
        domains = [domain for _, domain in self.zones]
        bootstrap = [f"bootstrap.{domain}" for domain in domains]
        names = [f"*.{domain}" for domain in domains]
        return self.listener.plan(ClientFields.ZONE, bootstrap, names)

    def advertise(self, broker: Broker, client: Client) -> Advertised:
        for zone, domain in self.zones:
            if zone == client.zone:
                return self.listener.at(f"b{broker.node_id}.{domain}")
        raise not_mapped("nothing for clients of this zone")

    def route(self, inbound: Inbound) -> Target:
        name = self.listener.name_in(inbound)
        for _, domain in self.zones:
            label = below(name, domain)
            if label == "bootstrap":
                return Target_Bootstrap()
            if label is not None:
                return broker(node_id(label, "b"))
        raise no_such_name()


def pair(word: str) -> tuple[str, str]:
    zone, _, domain = word.partition("=")
    if not zone or not domain:
        raise config_error("zones", "must be words of zone=domain")
    return zone, domain
