// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Runtime
internal import Steering

/// The file of measurements as it was read last: a bad one leaves what is in hand.
struct MeasurementsFile: Sendable {
    /// The path that the rows are from; nil for none.
    private(set) var path: String?
    /// The file as it was: see ``File/stamp(_:)``; nil before the first look.
    private(set) var stamp: Int64?
    private(set) var rows: [RTTMeasurement] = []
    /// When the rows were read, in seconds since 1970.
    private(set) var loadedAt: Int64 = 0
    /// What was found at the last look, for the checks of a configuration.
    private(set) var finding = OutsideChecks.MeasurementsFinding()
    /// Why the file as it is now is not used; nil when it is.
    private(set) var problem: String?
    /// How reading it ended, since the process started.
    private(set) var loads: (adopted: UInt64, failed: UInt64) = (0, 0)

    /// Follows the settings and the file; true when the rows are others.
    ///
    /// `open` is asked once where there is a file, and what it opened is closed here.
    mutating func load(
        _ wanted: String?,
        at moment: Moment,
        _ open: (String) -> Geography.Opened
    ) -> Bool {
        var isNew = false
        if wanted != path {
            isNew = !rows.isEmpty
            (path, stamp, rows, problem) = (wanted, nil, [], nil)
            finding = OutsideChecks.MeasurementsFinding()
        }
        guard let wanted else { return isNew }
        switch open(wanted) {
        case .failed(_, let reason):
            // Said once of a file that is gone.
            if stamp != 0 { loads.failed += 1 }
            stamp = 0
            fail("cannot be read: \(reason)", [])
            return isNew
        case .file(let file):
            defer { file.descriptor.close() }
            guard file.stamp != stamp else { return isNew }
            stamp = file.stamp
            return take(file.descriptor, moment) || isNew
        }
    }

    private mutating func take(_ file: FileDescriptor, _ moment: Moment) -> Bool {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try File.read(file, limit: RTTReader.sizeLimit)
        } catch {
            loads.failed += 1
            let what = error == .tooLarge ? "is larger than 64 MiB" : "cannot be read: \(error)"
            fail(what, [])
            return false
        }
        let reader = RTTReader(bytes)
        guard reader.faults.isEmpty else {
            loads.failed += 1
            let first = reader.faults[0]
            fail(
                ":\(first.line):\(first.column): \(first.message)",
                MeasurementsFile.faults(reader, bytes)
            )
            return false
        }
        finding = MeasurementsFile.finding(reader)
        problem = nil
        loads.adopted += 1
        loadedAt = moment.realtime / 1_000_000_000
        let fresh = reader.rows.map { $0.measurement(at: moment) }
        defer { rows = fresh }
        return fresh != rows
    }

    private mutating func fail(_ reason: String, _ faults: [OutsideChecks.ZoneFileFault]) {
        problem = reason
        finding = OutsideChecks.MeasurementsFinding()
        finding.isRead = true
        let start = SourcePosition(line: 1, column: 1)
        finding.faults =
            faults.isEmpty
            ? [.init(position: start, message: "the file of measurements \(reason)")] : faults
    }

    private static func faults(
        _ reader: RTTReader,
        _ bytes: [UInt8]
    ) -> [OutsideChecks.ZoneFileFault] {
        let lines = bytes.split(separator: 0x0a, omittingEmptySubsequences: false)
        return reader.faults.map { fault in
            .init(
                position: SourcePosition(line: fault.line, column: fault.column),
                message: fault.message,
                excerpt: ZoneText.excerpt(lines, fault.line)
            )
        }
    }

    private static func finding(_ reader: RTTReader) -> OutsideChecks.MeasurementsFinding {
        var finding = OutsideChecks.MeasurementsFinding()
        finding.isRead = true
        finding.targets = reader.targets.map { target in
            .init(
                name: target.name,
                position: SourcePosition(line: target.line, column: 1)
            )
        }
        return finding
    }

    /// What there is to say of a file on this machine.
    static func finding(_ path: String) -> OutsideChecks.MeasurementsFinding {
        var file = MeasurementsFile()
        let moment = Moment(now: Clock.monotonic(), realtime: Clock.realtime())
        _ = file.load(path, at: moment) { path in
            do throws(SystemError) {
                let opened = try File.openRegular(path)
                return .file(GeographyFile(path: path, descriptor: opened, stamp: 1))
            } catch {
                let reason = error == .invalid ? "it is no plain file" : "\(error)"
                return .failed(path: path, reason: reason)
            }
        }
        return file.finding
    }
}

extension RTTReader.Row {
    /// The measurement by the clock of machines, for what is seen at a moment; what is to come is
    /// of now.
    func measurement(at moment: Moment) -> RTTMeasurement {
        RTTMeasurement(
            place: place,
            target: target,
            milliseconds: milliseconds,
            samples: samples,
            at: time.map { seconds in
                let age = max(moment.realtime &- seconds &* 1_000_000_000, 0)
                return Instant(nanoseconds: moment.now.nanoseconds &- age)
            },
            isSummary: time != nil
        )
    }
}
