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
        let text = try bytes(of: path)
        return ZoneFileReader(text, file: path, origin: origin, defaultTTL: defaultTTL) {
            (name, from) throws(ZoneIncludeRefusal) in
            let place = beside(from, name)
            guard let real = File.resolved(place) else { return nil }
            // A zone may come from others: it includes what stands with it, and no other file.
            guard isInside(real, folder: File.resolved(beside(path, "."))) else {
                throw ZoneIncludeRefusal(reason: "it is outside of the folder of the zone file")
            }
            return (try? bytes(of: real)).map { (place, $0) }
        }
    }

    private static func isInside(_ path: String, folder: String?) -> Bool {
        guard let folder else { return false }
        return path.hasPrefix(folder == "/" ? folder : "\(folder)/")
    }

    /// A zone is read by the thread that looks after health: a pipe would keep it waiting.
    private static func bytes(of path: String) throws(SystemError) -> [UInt8] {
        try File.readRegular(path, limit: sizeLimit)
    }

    /// A line of a file, for people.
    static func excerpt(_ lines: [ArraySlice<UInt8>]?, _ line: Int) -> String {
        guard let lines, lines.indices.contains(line - 1) else { return "" }
        return String(decoding: lines[line - 1].prefix(400), as: UTF8.self)
    }

    /// The lines of a file; none when it cannot be read.
    static func lines(of path: String) -> [ArraySlice<UInt8>] {
        let text = (try? bytes(of: path)) ?? []
        return text.split(separator: 0x0a, omittingEmptySubsequences: false)
    }

    /// What is wrong with the text of a zone file.
    static func faults(path: String, origin: String) -> [OutsideChecks.ZoneFileFault] {
        let start = SourcePosition(line: 1, column: 1)
        guard File.isRegular(path) != false else {
            return [.init(position: start, message: "the zone file is no regular file")]
        }
        guard let apex = DomainName(origin) else {
            return [.init(position: start, message: "'\(origin)' is no domain name")]
        }
        do throws(SystemError) {
            // The zone's own default holds for records without a TTL, so none is missing here.
            var reader = try reader(path: path, origin: apex, defaultTTL: 0)
            while reader.next() {}
            let errors = reader.diagnostics.filter { $0.severity == .error }
            var files: [String: [ArraySlice<UInt8>]] = [:]
            return errors.map { found in
                if files[found.file] == nil { files[found.file] = lines(of: found.file) }
                let line = max(Int(found.position.line), 1)
                let column = max(Int(found.position.column), 1)
                return .init(
                    file: found.file,
                    position: SourcePosition(line: line, column: column),
                    message: "\(found.code): \(found.message)",
                    excerpt: excerpt(files[found.file], line)
                )
            }
        } catch {
            return [.init(position: start, message: "the zone file cannot be read: \(error)")]
        }
    }

    /// What is wrong with the parameters of a service record; nil when nothing is.
    static func fault(parameters: String) -> String? {
        do throws(ServiceParameters.Fault) {
            _ = try ServiceParameters(parameters)
            return nil
        } catch {
            return error.message
        }
    }

    /// A path as written in a file, from that file's folder.
    private static func beside(_ file: String, _ name: String) -> String {
        guard !name.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return name }
        return "\(file[...slash])\(name)"
    }
}
