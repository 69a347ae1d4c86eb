"""An address map for throughway: four schemes, of which the configuration chooses one.

Keep the module of the scheme you want and change it. A scheme answers `plan`, `advertise` and `route`;
all answers depend on the arguments and the configuration alone.
"""

import wit_world.exports
from componentize_py_types import Err
from wit_world.exports.address_map import (
    Advertised,
    Broker,
    Client,
    Error_Internal,
    Inbound,
    Plan,
    Scheme,
    Target,
)

from config import Config, config_error
from forwarded import Forwarded
from managed import Managed
from names import not_mapped
from racks import Racks
from zones import Zones

SCHEMES = {"racks": Racks, "zones": Zones, "managed": Managed, "forwarded": Forwarded}


class AddressMap(wit_world.exports.AddressMap):
    # throughway configures each instance once, before anything else is asked.
    scheme = None

    def describe(self) -> Scheme:
        return Scheme(
            name="schemes",
            version="0.1.0",
            summary="racks, zones, a managed service or forwarded ports",
            config_help="lines of key = value; scheme = racks, zones, managed or forwarded",
        )

    def configure(self, config: str) -> Plan:
        """What throughway has to listen on, and what DNS and certificates have to cover."""
        parsed = Config(config)
        scheme = SCHEMES.get(parsed.text("scheme"))
        if scheme is None:
            raise config_error("scheme", "must be racks, zones, managed or forwarded")
        AddressMap.scheme = scheme(parsed)
        return AddressMap.scheme.plan()

    def advertise(self, broker: Broker, client: Client) -> Advertised:
        """The address that clients are told for a broker."""
        if broker.node_id < 0:
            raise not_mapped("no broker has this id")
        return configured().advertise(broker, client)

    def route(self, inbound: Inbound) -> Target:
        """What a connection is for. It leads back from every address that `advertise` gives."""
        return configured().route(inbound)


def configured():
    if AddressMap.scheme is None:
        raise Err(Error_Internal("called before configure"))
    return AddressMap.scheme
