// SPDX-License-Identifier: Apache-2.0
public import Configuration
internal import DNSProtocol
internal import Essentials
internal import Steering

/// Assembles a configuration without using the result, to find what only assembling can find.
public enum ConfigurationTrial {
    /// The same of the file at a path; `-` is standard input.
    ///
    /// The text of a zone that is wrong takes the configuration away. What is wrong with its content,
    /// and with other zones, shows when the configuration is read without looking at the texts.
    public static func judge(path: String) -> (ReadResult, [ReloadProblem]) {
        let (result, text) = ConfigurationSource.read(path: path)
        let isForZones = result.errors.allSatisfy { $0.code == .zoneFileFault }
        guard result.configuration == nil, isForZones else { return judge(result) }
        let (judged, problems) = judge(ConfigurationSource.readApart(text, path: result.file))
        return (judged.joining(result), problems)
    }

    /// The result with what was found in its zones, and what else would refuse the configuration
    /// although each of its options is valid.
    public static func judge(_ result: ReadResult) -> (ReadResult, [ReloadProblem]) {
        guard let settings = result.configuration?.settings else { return (result, []) }
        var keys = SessionKeys()
        keys.load(settings, CertificateFiles.readHere)
        // Whether the databases are good was asked when the options were read.
        var geography = Geography()
        _ = geography.load(settings.geo.withoutFiles) { .failed(path: $1, reason: "") }
        do throws(AssemblyRefusal) {
            let present = Assembly.Present(
                registries: Registries(
                    endpoints: EndpointRegistry(capacity: 1 << 20),
                    pools: PoolRegistry(capacity: PlaneStart.poolCapacity)
                ),
                names: ResolvedNames(),
                running: [],
                zones: nil,
                fileLimit: .max,
                path: result.file,
                sessionKeys: keys,
                geography: geography
            )
            let assembly = try Assembly.make(settings, present: present)
            // One that cannot be read has no place: it was found when the options were read.
            let faults = assembly.zoneResult.faults.flatMap(\.diagnostics)
            let found = faults + assembly.zoneResult.warnings
            return (result.adding(findings(found, result.file)), [])
        } catch {
            let known = Set(error.zoneFaults.map { "\($0.code)" })
            let judged = result.adding(findings(error.zoneFaults, result.file))
            return (judged, error.problems.filter { !known.contains($0.code) })
        }
    }

    /// `zones/a.zone:3:1: M1652: ...`.
    static func text(of found: ZoneDiagnostic) -> String {
        let line = found.position.line == 0 ? "" : ":\(found.position.line)"
        let place = found.file + line
        return (place.isEmpty ? "" : place + ": ") + found.statement
    }

    // What stands in no file is a matter of the configuration that has it served.
    private static func findings(_ found: [ZoneDiagnostic], _ path: String) -> [ZoneFinding] {
        var files: [String: [ArraySlice<UInt8>]] = [:]
        return found.map { one in
            let line = Int(one.position.line)
            if line > 0, files[one.file] == nil {
                files[one.file] = ZoneText.lines(of: one.file)
            }
            return ZoneFinding(
                file: one.file.isEmpty ? path : one.file,
                position: line == 0
                    ? nil : SourcePosition(line: line, column: max(Int(one.position.column), 1)),
                severity: one.severity == .error ? .error : .warning,
                message: "\(one.code): \(one.statement)",
                excerpt: ZoneText.excerpt(files[one.file], line)
            )
        }
    }
}
