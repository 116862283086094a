// SPDX-License-Identifier: Apache-2.0

/// A place in a zone file.
public struct ZonePosition: Hashable, Sendable, BitwiseCopyable {
    /// Which file: an index into the reader's list; 0 is the first.
    public var file: UInt32
    /// Counted from 1; 0 means no place at all.
    public var line: UInt32
    /// Octets from the start of the line, counted from 1.
    public var column: UInt32

    /// A place in a file.
    @inlinable public init(file: UInt32 = 0, line: UInt32, column: UInt32) {
        self.file = file
        self.line = line
        self.column = column
    }
    /// The place of data that came from no file.
    @inlinable public static var none: ZonePosition { ZonePosition(line: 0, column: 0) }
}

/// Something wrong in a zone's text or in its content.
public struct ZoneDiagnostic: Error, Sendable, Equatable, CustomStringConvertible {
    /// Whether the zone can be served all the same.
    public enum Severity: Sendable, Equatable {
        /// The zone is refused.
        case error
        /// The zone is served; something in it is probably not meant.
        case warning
    }

    /// What kind of thing is wrong; never reused, so that scripts may depend on it.
    public var code: ZoneCode
    /// The file's name as it was given; empty when there is none.
    public var file: String
    /// Where in the file.
    public var position: ZonePosition
    /// What is wrong, for a person.
    public var message: String
    /// The zone whose record it is about; nil where the text alone was looked at.
    public var zone: String?

    /// Errors refuse the zone.
    public var severity: Severity { code.isWarning ? .warning : .error }

    /// States something wrong.
    ///
    /// What a message repeats of a file may hold octets that a terminal would obey: they are written
    /// as zone files write them.
    public init(_ code: ZoneCode, file: String, at position: ZonePosition, _ message: String) {
        self.code = code
        self.file = file
        self.position = position
        self.message = ZoneDiagnostic.harmless(message)
    }

    private static func harmless(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            guard isControl(scalar) else {
                result.unicodeScalars.append(scalar)
                continue
            }
            let digits = String(scalar.value)
            result += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
        }
        return result
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
    }

    /// `zones/a.zone:3:7: error M1509: …`.
    public var description: String {
        let kind = severity == .error ? "error" : "warning"
        let place =
            position.line == 0 ? file : "\(file):\(position.line):\(position.column)"
        return "\(place.isEmpty ? "" : place + ": ")\(kind) \(code): \(statement)"
    }

    /// The message, with the zone in front where neither a line nor the message says which it is.
    public var statement: String {
        guard position.line == 0, let zone, !message.contains("zone \(zone)") else {
            return message
        }
        return "zone \(zone): \(message)"
    }
}

/// The stable codes of zone diagnostics: M15xx for the text, M16xx for the content, M142x and
/// M143x for aliases.
public enum ZoneCode: Int, Sendable, CaseIterable, CustomStringConvertible {
    /// A parenthesis without its partner.
    case unbalancedParenthesis = 1501
    /// A quoted string that does not end.
    case unterminatedString = 1502
    /// A `\` that is followed by no character and no number up to 255.
    case badEscape = 1503
    /// A directive that is not known.
    case unknownDirective = 1504
    /// A directive without its argument, or with too many.
    case badDirective = 1505
    /// An included file that cannot be read.
    case includeFailed = 1506
    /// Files that include each other too deeply.
    case includeTooDeep = 1507
    /// A name that is malformed.
    case badName = 1508
    /// A record without a type, or of a type that is not known.
    case badType = 1509
    /// A class that is not IN.
    case badClass = 1510
    /// A TTL that is malformed or exceeds 2^31-1 seconds (RFC 2181 §8).
    case badTTL = 1511
    /// A record without a TTL, and nothing to take it from.
    case missingTTL = 1512
    /// A record that begins with a blank, and no owner before it.
    case missingOwner = 1513
    /// Data with too few or too many fields.
    case fieldCount = 1514
    /// A field that cannot be read.
    case badField = 1515
    /// RFC 3597 data that does not fit its length or its type.
    case badOpaqueData = 1516
    /// An entry with too many fields.
    case entryTooLong = 1517
    /// More errors than are listed.
    case tooManyErrors = 1518
    /// More records made by `$GENERATE` than are read.
    case tooManyGenerated = 1519

    /// An ALIAS with other addresses, with another ALIAS, or with hints in its services.
    case conflictingAlias = 1420
    /// An ALIAS that leads in a circle.
    case aliasLoop = 1421
    /// An ALIAS that leads through too many names.
    case aliasTooLong = 1422
    /// An ALIAS of the root, which has no addresses.
    case aliasOfNothing = 1423
    /// More names outside of the zones than aliases may lead to.
    case tooManyAliases = 1424
    /// Warning: an ALIAS of a name that its zone, which is served here, does not have.
    case danglingAlias = 1430
    /// Warning: an ALIAS of a name that is served here and has no addresses.
    case aliasWithoutAddresses = 1431
    /// Warning: an ALIAS that a change or another server has brought, and that leads in a circle, through
    /// too many names or to the root: its name has no addresses.
    case lostAlias = 1432

    /// A steered name or an ALIAS in a zone that is signed in its file.
    case steeredPresigned = 1460
    /// More iterations of NSEC3 than a denial is worth (RFC 9276 §3.2).
    case tooManyIterations = 1533
    /// Warning: more iterations of NSEC3 than validators go along with (RFC 9276 §3.2).
    case manyIterations = 1670
    /// Warning: signatures of a zone that is signed in its file end within a week, or have ended.
    case endingSignatures = 1675

    /// A record outside its zone.
    case outOfZone = 1601
    /// A zone without an SOA, or with more than one.
    case badSOA = 1602
    /// A CNAME beside other data, or two CNAMEs (RFC 1034 §3.6.2).
    case conflictingCNAME = 1603
    /// The same zone twice.
    case duplicateZone = 1604
    /// A type that zones cannot hold, or that is not served.
    case unservedType = 1605
    /// A record set that fits no message.
    case setTooLarge = 1606
    /// A delegation at a wildcard (RFC 4592 §4.2).
    case wildcardDelegation = 1607
    /// A steered name with other addresses, hints of its own, or an alias.
    case conflictingSteer = 1608
    /// More names or records than a table holds.
    case tooManyRecords = 1609
    /// A service that is an alias of its own owner (RFC 9460 §2.4.2).
    case aliasOfItself = 1610
    /// Two DNAMEs at a name, or one beside a delegation, at a wildcard or above what is steered (RFC
    /// 6672 §2.3, §3.3).
    case conflictingDNAME = 1611
    /// An SOA at another name than the zone's.
    case strayStart = 1612
    /// Warning: a set whose records differ in TTL (RFC 2181 §5.2); the lowest counts.
    case differingTTL = 1650
    /// Warning: a zone without NS records at its apex.
    case missingNS = 1651
    /// Warning: a delegation to a server inside it without an address.
    case missingGlue = 1652
    /// Warning: data below a delegation that is no glue, below a DNAME, or inside a zone of its own.
    case occludedData = 1653
    /// Warning: NS, MX or SRV that leads to an alias (RFC 2181 §10.3).
    case aliasTarget = 1654
    /// Warning: aliases and services in one set (RFC 9460 §2.4.1); the services are ignored.
    case mixedServices = 1655
    /// Warning: a set of services with several aliases (RFC 9460 §2.4.2); clients take any.
    case severalAliases = 1656
    /// Warning: parameters of an alias (RFC 9460 §2.4.2); they are ignored.
    case aliasParameters = 1657
    /// Warning: NS, MX or SRV that names an address: a name is wanted.
    case addressAsName = 1658
    /// Warning: NS, MX or SRV that leads to a name of the zone without an address.
    case missingAddress = 1659
    /// Warning: the same record twice in a set (RFC 2181 §5); one is kept.
    case repeatedRecord = 1660
    /// Warning: a record of the zone that cannot stand beside what was changed while it served.
    case outdone = 1672
    /// Warning: an SOA whose zone expires before it is refreshed, or whose negative answers live
    /// longer than a day.
    case oddTimes = 1661
    /// Warning: DS at a name that is not delegated, or at the zone's own (RFC 4035 §2.4).
    case strayDS = 1662
    /// Warning: DNSSEC data that cannot be meant: a type of the apex elsewhere, a key that is
    /// none of a zone, a signature over nothing or by another zone, CDS and CDNSKEY that contradict
    /// each other.
    case oddDNSSEC = 1663
    /// Warning: two SPF policies at a name, or one of type SPF without its TXT (RFC 7208).
    case senderPolicy = 1664
    /// Warning: the null MX beside another one (RFC 7505 §3).
    case nullExchange = 1665
    /// Warning: addresses or MX of a name that is no host's (RFC 952, RFC 1123 §2.1).
    case oddHostName = 1666
    /// Warning: an asterisk behind the first label, which is no wildcard (RFC 4592 §2.1.1).
    case innerAsterisk = 1667
    /// Warning: a zone that is signed here whose signatures may end before caches forget what they
    /// are of (RFC 6781 §4.4.2).
    case shortSignatures = 1676

    /// Warnings do not refuse a zone.
    public var isWarning: Bool { rawValue >= 1650 || 1430...1439 ~= rawValue }
    /// `M1503`.
    public var description: String { "M\(rawValue)" }
}
