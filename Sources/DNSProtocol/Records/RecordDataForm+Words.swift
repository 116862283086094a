// SPDX-License-Identifier: Apache-2.0

/// Fields as texts have them.
extension RecordDataForm {
    /// How many fields of text the data of a shape take.
    static func textFields(_ shape: [Field]) -> ClosedRange<Int> {
        guard let last = shape.last else { return 0...0 }
        let others = shape.count - 1
        switch last {
        case .parameters, .optionalTypes, .prefixes, .optionalBase64, .key, .ports:
            return others...Int.max
        case .optionalString: return others...others + 1
        case .relay: return others + 3...others + 3
        case .hostIdentity: return others + 3...Int.max
        case .location: return others + 5...Int.max
        case .strings, .hex, .base64, .types, .delegationDigest, .hostKeyDigest, .zoneDigest:
            return others + 1...Int.max
        default: return shape.count...shape.count
        }
    }
}

extension RecordDataForm.Field {
    /// What is wanted, for people.
    var noun: String {
        switch self {
        case .octet: "a number up to 255"
        case .number16: "a number up to 65535"
        case .number32: "a number up to 4294967295"
        case .seconds: "a time"
        case .address4: "an IPv4 address"
        case .address6: "an IPv6 address"
        case .locator: "a locator such as 2001:0db8:1140:1000"
        case .eui48: "an address such as 00-00-5e-00-53-2a"
        case .eui64: "an address such as 00-00-5e-ef-10-00-00-2a"
        case .prefixes: "a prefix such as 1:192.0.2.0/24 or !2:2001:db8::/32"
        case .nsap: "an address such as 0x47.0005.80"
        case .gateway: "a gateway of the kind that is stated"
        case .relay: "a D bit, which is 0 or 1"
        case .hex: "hexadecimal"
        case .base64, .optionalBase64, .key: "a key or other octets in Base64"
        case .delegationDigest, .hostKeyDigest, .zoneDigest:
            "a hexadecimal digest of the length that its algorithm has"
        case .type, .types, .optionalTypes: "a record type"
        case .algorithm: "an algorithm: a number up to 255, or its mnemonic"
        case .time: "a time such as 20300131235959, or seconds since 1970"
        case .salt: "a salt in hexadecimal, or '-' for none"
        case .nextHash: "a hash in Base32hex"
        case .certificate: "a type of certificates: a number up to 65535, or its mnemonic"
        case .scheme: "a scheme: NOTIFY, or a number up to 255"
        case .transport: "a protocol: a number up to 255, TCP or UDP"
        case .ports: "a service: a number up to 65535, or its mnemonic"
        case .name: "a name"
        case .digits: "a text of four digits or more"
        case .someText: "a text that is not empty"
        case .string, .optionalString, .strings, .tag, .text: "a text"
        case .parameters, .location, .hostIdentity: "of the form of this type"
        }
    }
}
