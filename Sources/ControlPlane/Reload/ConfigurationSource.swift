// SPDX-License-Identifier: Apache-2.0
public import Configuration
internal import DNSProtocol
internal import Essentials
internal import HTTPGateway
internal import Runtime
internal import Steering

/// A valid configuration with the text that it came from.
struct ConfigurationText {
    let text: [UInt8]
    let loaded: LoadedConfiguration
    /// Findings that do not refuse it.
    let notes: [String]

    var settings: Settings { loaded.settings }
}

/// Reads configurations with every check that there is, zone files and expressions included.
public enum ConfigurationSource {
    /// The largest configuration file that is read.
    public static let sizeLimit = 64 << 20

    /// The outside checks: variables by the HTTP door, expressions by RE2, zone files by the zone reader.
    public static let checks: OutsideChecks = {
        var checks = plainChecks
        checks.ticketKeys = { path in
            CertificateFiles.readTickets(path, CertificateFiles.readHere).1
        }
        checks.database = { path, content, limit in
            LoadedDatabase.fault(path, content, limit: limit.bytes)
        }
        checks.staple = { files in
            CertificateFiles.read(
                files,
                known: nil,
                realtime: Clock.realtime(),
                CertificateFiles.readHere
            ).0?.stapleFault
        }
        checks.service = { ZoneText.fault(parameters: $0) }
        checks.failover = FailoverReport.findings
        checks.measurements = MeasurementsFile.finding
        checks.program = { path in
            switch ProgramFile.fault(path) {
            case nil: .usable
            case .missing(let reason)?: .missing(reason: reason)
            case .notExecutable?: .notExecutable
            case .writable(let path)?: .writable(path: path)
            }
        }
        checks.memory = MachineMemory.total()
        return checks
    }()

    private static let plainChecks = OutsideChecks(
        template: { text, parameters in
            do throws(TextTemplate.Fault) {
                _ = try TextTemplate(text, parameters: parameters)
                return nil
            } catch {
                return .init(message: error.message, suggestion: error.suggestion)
            }
        },
        expression: { pattern in
            do throws(RegularExpression.PatternError) {
                _ = try RegularExpression(pattern)
                return nil
            } catch {
                return error.reason
            }
        },
        zoneFile: { path, origin in ZoneText.faults(path: path, origin: origin) },
        certificate: { certificate, key in
            let files = CertificateSettings(certificate: certificate, key: key)
            return CertificateFiles.read(
                files,
                known: nil,
                realtime: Clock.realtime(),
                CertificateFiles.readHere
            ).1
        },
        lists: { ciphers, groups in TLSAssembly.fault(ciphers: ciphers, groups: groups) },
        authorities: { path in TLSAssembly.fault(authorities: path) },
        users: { path in AccessFiles.fault(AccessFileSettings(path: path, content: .users)) },
        keys: { path in AccessFiles.fault(AccessFileSettings(path: path, content: .keys)) },
        page: { path in AccessFiles.fault(AccessFileSettings(path: path, content: .page)) }
    )

    /// The same for a configuration that is to serve: a certificate that has ended is a warning,
    /// because a refusal would help nobody, and zone files are read by whoever serves them: a faulty
    /// one is no matter of the others.
    static let servingChecks: OutsideChecks = {
        var serving = checks
        serving.zoneFile = { _, _ in [] }
        serving.certificate = { certificate, key in
            softened(checks.certificate(certificate, key))
        }
        return serving
    }()

    private static func softened(
        _ finding: OutsideChecks.CertificateFinding
    ) -> OutsideChecks.CertificateFinding {
        guard case .usable(let days) = finding else { return finding }
        return .usable(days: max(days, 0))
    }

    /// Reads a text for a process that stays.
    ///
    /// The tree of the text is made by a thread of its own: see ``Workroom``.
    static func readForService(
        _ text: [UInt8],
        path: String,
        checks: OutsideChecks = OutsideChecks()
    ) -> ReadResult {
        let made = Handed<ConfigurationTree>()
        WorkerThread.run(name: "configuration") { made.give(ConfigurationTree(text)) }
        let tree = made.take() ?? ConfigurationTree(text)
        return ConfigurationReader(checks: checks, isForService: true).read(tree, file: path)
    }

    /// Reads a text as the file at `path`.
    public static func read(_ text: [UInt8], path: String) -> ReadResult {
        ConfigurationReader(checks: checks).read(text, file: path)
    }

    /// The same without the texts of zones.
    static func readApart(_ text: [UInt8], path: String) -> ReadResult {
        var checks = checks
        checks.zoneFile = { _, _ in [] }
        return ConfigurationReader(checks: checks).read(text, file: path)
    }

    /// What the files are known to hold that a configuration names.
    struct Reading: Sendable {
        var path: String
        var certificates: CertificateFiles
        var access: AccessFiles
        var geography: Geography
        var measurements: MeasurementsFile
        /// True when doors serve already.
        var isServed: Bool
    }

    /// Reads a text whose certificates and files of access have been read already.
    static func read(_ text: [UInt8], _ files: Reading) -> ReadResult {
        var checks = servingChecks
        checks.isServed = files.isServed
        let unusable = files.geography.faults
        checks.database = { path, content, _ in
            unusable[content].flatMap { $0.path == path ? $0.reason : nil }
        }
        let measurements = files.measurements
        checks.measurements = { $0 == measurements.path ? measurements.finding : .init() }
        let faults = files.access.faults
        checks.users = { faults[AccessFileSettings(path: $0, content: .users)] }
        checks.page = { faults[AccessFileSettings(path: $0, content: .page)] }
        checks.keys = { faults[AccessFileSettings(path: $0, content: .keys)] }
        let findings = files.certificates.findings
        checks.certificate = { certificate, key in
            // By their paths, whichever way the key was given.
            let found = findings.first {
                $0.key.certificate == certificate && $0.key.keyFile == key
            }
            return softened(found?.value ?? .usable(days: 365))
        }
        let tickets = files.certificates.ticketFindings
        checks.ticketKeys = { tickets[$0] ?? .usable(isOpen: false) }
        let unstapled = files.certificates.loaded.compactMapValues(\.stapleFault)
        checks.staple = { unstapled[$0] }
        return readForService(text, path: files.path, checks: checks)
    }

    /// Reads a file; `-` is standard input.
    public static func read(
        path: String,
        checks: OutsideChecks = checks,
        isForService: Bool = false
    ) -> (result: ReadResult, text: [UInt8]) {
        do throws(SystemError) {
            let text =
                path == "-"
                ? try File.read(FileDescriptor(raw: 0), limit: sizeLimit)
                : try File.read(path, limit: sizeLimit)
            let file = path == "-" ? "standard input" : path
            let result =
                isForService
                ? readForService(text, path: file, checks: checks)
                : ConfigurationReader(checks: checks).read(text, file: file)
            return (result, text)
        } catch {
            return (ConfigurationReader.unreadable(file: path, reason: "\(error)"), [])
        }
    }

    /// The configuration at `path`, for a start.
    static func load(_ path: String) throws(StartRefusal) -> ConfigurationText {
        let (result, text) = read(path: path, checks: servingChecks, isForService: true)
        guard let loaded = result.configuration else {
            // The report ends in a line break of its own, and so does what prints it.
            let report = CheckReport.text(result)
            throw StartRefusal(exitCode: 78, lines: [String(report.dropLast())])
        }
        return ConfigurationText(
            text: text,
            loaded: loaded,
            notes: result.warnings.map(\.description)
        )
    }

    /// The errors of a refused configuration as the API and the log tell them.
    static func problems(_ result: ReadResult) -> [ReloadProblem] {
        result.errors.map { error in
            ReloadProblem(code: error.code.rawValue, text: error.description, json: error.json)
        }
    }
}
