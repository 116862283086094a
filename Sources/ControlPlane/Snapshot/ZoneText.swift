// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import Essentials
internal import Runtime

/// Zone files on this machine: opened here, because nothing below opens files.
enum ZoneText {
    /// The largest zone file that is read.
    static let sizeLimit = 1 << 30

    /// A reader over a zone file and what it includes; the reason when it cannot be read.
    static func reader(
        path: String,
        origin: DomainName,
        defaultTTL: UInt32?
    ) throws(SystemError) -> ZoneFileReader {
        let bytes = try File.read(path, limit: sizeLimit)
        return ZoneFileReader(bytes, file: path, origin: origin, defaultTTL: defaultTTL) {
            name,
            from in
            try? File.read(beside(from, name), limit: sizeLimit)
        }
    }

    /// What is wrong with the text of a zone file.
    static func faults(path: String, origin: String) -> [OutsideChecks.ZoneFileFault] {
        let start = SourcePosition(line: 1, column: 1)
        guard let apex = DomainName(origin) else {
            return [.init(position: start, message: "'\(origin)' is no domain name")]
        }
        do throws(SystemError) {
            // The zone's own default holds for records without a TTL, so none is missing here.
            var reader = try reader(path: path, origin: apex, defaultTTL: 0)
            while reader.next() {}
            return reader.diagnostics.filter { $0.severity == .error }.map { found in
                let line = max(Int(found.position.line), 1)
                let column = max(Int(found.position.column), 1)
                let elsewhere = found.file == path ? "" : "\(found.file):\(line): "
                return .init(
                    position: SourcePosition(line: line, column: column),
                    message: "\(elsewhere)\(found.code): \(found.message)"
                )
            }
        } catch {
            return [.init(position: start, message: "the zone file cannot be read: \(error)")]
        }
    }

    /// A path as written in a file, from that file's folder.
    private static func beside(_ file: String, _ name: String) -> String {
        guard !name.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return name }
        return "\(file[...slash])\(name)"
    }
}
