// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Reads measurements from text: a line each, `PLACE,TARGET,MILLISECONDS[,SAMPLES[,TIME]]` or JSON.
///
/// Blank lines and those that begin with `#` are passed over, and a first line of names is too. A
/// JSON line is an object with `place`, `target`, `rttMilliseconds`, and at will `samples` and `time`.
/// Times are whole seconds since 1970. All that is wrong is found, each with its line and column.
public struct RTTReader: Sendable {
    /// The largest text that is read.
    public static let sizeLimit = 64 << 20
    /// Rows that are taken.
    public static let rowLimit = 500_000
    /// Bytes of a line.
    public static let lineLimit = 4096
    /// Faults that are told of.
    public static let faultLimit = 20

    /// One measurement as it was written.
    public struct Row: Sendable, Equatable {
        /// Where the clients are.
        public var place: GeoRegion
        /// The target.
        public var target: String
        /// The round trip.
        public var milliseconds: Double
        /// Round trips that it stands for; 0 when that was not said.
        public var samples: UInt32 = 0
        /// When it was taken, in seconds since 1970; nil when that was not said.
        public var time: Int64?

        /// One of which no more is said.
        public init(place: GeoRegion, target: String, milliseconds: Double) {
            self.place = place
            self.target = target
            self.milliseconds = milliseconds
        }

        /// The row as a JSON line has it.
        public var json: JSONValue {
            var members = [
                JSONMember("place", .string(place.measuredText)),
                JSONMember("target", .string(target)),
                JSONMember("rttMilliseconds", .number(milliseconds)),
            ]
            if samples > 0 { members.append(JSONMember("samples", .integer(Int64(samples)))) }
            if let time { members.append(JSONMember("time", .integer(time))) }
            return .object(members)
        }
    }

    /// What is wrong, and where.
    public struct Fault: Error, Sendable, Equatable {
        /// From 1.
        public var line: Int
        /// In bytes, from 1.
        public var column: Int
        /// Without a full stop.
        public var message: String
    }

    /// What was read.
    public private(set) var rows: [Row] = []
    /// By row, the line that it stood in.
    public private(set) var lines: [Int] = []
    /// What is wrong; the rows are of no use unless there is nothing.
    public private(set) var faults: [Fault] = []

    private struct Key: Hashable {
        var place: GeoRegion
        var target: String
    }

    /// Reads a text.
    public init(_ bytes: [UInt8]) {
        var seen: [Key: Int] = [:]
        var number = 0
        var next = bytes.startIndex
        while next < bytes.endIndex {
            let line = bytes[next...].prefix { $0 != 0x0a }
            next = line.endIndex + 1
            number += 1
            let end = line.last == 0x0d ? line.endIndex - 1 : line.endIndex
            let text = line[line.startIndex..<end]
            guard let first = text.first(where: { $0 != 0x20 && $0 != 0x09 }), first != 0x23 else {
                continue
            }
            do throws(Fault) {
                guard text.count <= RTTReader.lineLimit else {
                    throw Fault(
                        line: number,
                        column: 1,
                        message: "a line of more than \(RTTReader.lineLimit) bytes"
                    )
                }
                let row = try first == 0x7b ? Row(json: text, number) : Row(csv: text, number)
                guard let row else { continue }
                guard rows.count < RTTReader.rowLimit else {
                    throw Fault(
                        line: number,
                        column: 1,
                        message: "more than \(RTTReader.rowLimit) rows"
                    )
                }
                if let before = seen.updateValue(
                    number,
                    forKey: Key(place: row.place, target: row.target)
                ) {
                    throw Fault(
                        line: number,
                        column: 1,
                        message: "`\(row.place.measuredText)` and `\(row.target)` stand in line "
                            + "\(before) already"
                    )
                }
                rows.append(row)
                lines.append(number)
            } catch {
                faults.append(error)
                if faults.count >= RTTReader.faultLimit { return }
            }
        }
    }

    /// The targets, each with the line that it stands in first.
    public var targets: [(name: String, line: Int)] {
        var seen: Set<String> = []
        return zip(rows, lines).compactMap { row, line in
            seen.insert(row.target).inserted ? (row.target, line) : nil
        }
    }
}

extension RTTReader.Row {
    // The last second that nanoseconds since 1970 can name.
    private static let latestTime: Int64 = 9_223_372_036

    /// A line of fields; nil for the names of the fields.
    fileprivate init?(csv line: ArraySlice<UInt8>, _ number: Int) throws(RTTReader.Fault) {
        var fields: [(text: String, column: Int)] = []
        var start = line.startIndex
        for place in line.indices where line[place] == 0x2c {
            fields.append(Self.field(line, start..<place))
            start = place + 1
        }
        fields.append(Self.field(line, start..<line.endIndex))
        func fault(_ field: Int, _ message: String) -> RTTReader.Fault {
            let column = field < fields.count ? fields[field].column : 1
            return RTTReader.Fault(line: number, column: column, message: message)
        }
        if number == 1, fields[0].text == "place" { return nil }
        guard (3...5).contains(fields.count) else {
            throw fault(
                0,
                "\(fields.count) fields; a row has PLACE,TARGET,MILLISECONDS[,SAMPLES[,TIME]]"
            )
        }
        guard let place = GeoRegion(measured: fields[0].text) else {
            throw fault(0, Self.placeFault(fields[0].text))
        }
        guard Self.isTarget(fields[1].text) else {
            throw fault(1, "`\(fields[1].text)` is no name of a target")
        }
        guard let value = Double(fields[2].text), Self.isRoundTrip(value) else {
            throw fault(2, Self.valueFault(fields[2].text))
        }
        self.init(place: place, target: fields[1].text, milliseconds: value)
        if fields.count > 3, !fields[3].text.isEmpty {
            guard let count = UInt32(fields[3].text), count > 0 else {
                throw fault(3, "`\(fields[3].text)` is no number of samples")
            }
            samples = count
        }
        if fields.count > 4, !fields[4].text.isEmpty {
            guard let seconds = Int64(fields[4].text), (0...Self.latestTime).contains(seconds)
            else { throw fault(4, "`\(fields[4].text)` is no time in seconds since 1970") }
            time = seconds
        }
    }

    private static func field(
        _ line: ArraySlice<UInt8>,
        _ range: Range<Int>
    ) -> (text: String, column: Int) {
        var range = range
        while let first = range.first, line[first] == 0x20 || line[first] == 0x09 {
            range = first + 1..<range.upperBound
        }
        while let last = range.last, line[last] == 0x20 || line[last] == 0x09 {
            range = range.lowerBound..<last
        }
        let text = String(decoding: line[range], as: UTF8.self)
        return (text, range.lowerBound - line.startIndex + 1)
    }

    fileprivate init(json line: ArraySlice<UInt8>, _ number: Int) throws(RTTReader.Fault) {
        let document: JSONValue
        do throws(JSONError) {
            document = try JSONReader.read(
                Array(line),
                limits: JSONLimits(bytes: RTTReader.lineLimit, depth: 2)
            )
        } catch {
            let what = "\(error)".split(separator: ": ", maxSplits: 1).last.map(String.init)
            throw .init(line: number, column: error.column, message: what ?? "not JSON")
        }
        do throws(Misfit) {
            self = try Self(json: document)
        } catch {
            throw .init(line: number, column: 1, message: error.message)
        }
    }

    /// Why a document is no measurement.
    public struct Misfit: Error {
        /// Without a full stop.
        public let message: String
    }

    /// A measurement as files and the API have it.
    public init(json document: JSONValue) throws(Misfit) {
        guard let members = document.members else {
            throw Misfit(message: "a measurement is an object")
        }
        let known = ["place", "target", "rttMilliseconds", "samples", "time"]
        if let other = members.first(where: { !known.contains($0.name) }) {
            throw Misfit(
                message: "unknown member `\(other.name)`; known are "
                    + known.joined(separator: ", ")
            )
        }
        guard let text = document["place"]?.string, let place = GeoRegion(measured: text) else {
            throw Misfit(message: Self.placeFault(document["place"]?.string ?? ""))
        }
        guard let target = document["target"]?.string, Self.isTarget(target) else {
            throw Misfit(message: "`target` must be the name of a target")
        }
        guard let value = document["rttMilliseconds"]?.number, Self.isRoundTrip(value) else {
            throw Misfit(message: "`rttMilliseconds` must be a number from 0 to 60000")
        }
        self.init(place: place, target: target, milliseconds: value)
        if let count = document["samples"], !count.isNull {
            guard let count = count.integer.flatMap({ UInt32(exactly: $0) }), count > 0 else {
                throw Misfit(message: "`samples` must be a whole number above 0")
            }
            samples = count
        }
        if let seconds = document["time"], !seconds.isNull {
            guard let seconds = seconds.integer, (0...Self.latestTime).contains(seconds) else {
                throw Misfit(message: "`time` must be whole seconds since 1970")
            }
            time = seconds
        }
    }

    private static func isTarget(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 100
            && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f && $0 != 0x2c && $0 != 0x22 }
    }

    private static func isRoundTrip(_ value: Double) -> Bool {
        value >= 0 && value <= RTTMeasurement.longest
    }

    private static func placeFault(_ text: String) -> String {
        "`\(text)` is no place: write a network without bits beyond its length, an address, or "
            + "`country:DE`, `continent:EU`, `subdivision:US-CA`, `city:Paris`, `asn:64500`"
    }

    private static func valueFault(_ text: String) -> String {
        "`\(text)` is no round trip in milliseconds from 0 to 60000"
    }
}
