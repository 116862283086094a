// SPDX-License-Identifier: Apache-2.0

/// The API for zones.
extension Schema {
    static let zoneAPIOptions: [Option] = [
        Option(
            "zone-api.listen",
            .listenAddress,
            "127.0.0.1:8081",
            "Where the API for zones listens, that of PowerDNS, once `key` is set."
        ),
        Option(
            "zone-api.key",
            .secret,
            .absent("the API is off"),
            "What requests must show in `X-API-Key`: base64, as `openssl rand -base64 32` makes it."
        ),
        Option(
            "zone-api.probe",
            .reference(.probe),
            .absent("they count as up"),
            "Probe that checks the addresses of dynamic records, as octoDNS writes them, and those "
                + "of the names that a dynamic CNAME leads to."
        ),
    ]

    static let zoneAPIGroups: [OptionGroup] = [
        OptionGroup("zone-api", "An API for zones that clients of PowerDNS can talk to.")
    ]
}
