// SPDX-License-Identifier: Apache-2.0
public import Configuration
internal import DNSProtocol
internal import Essentials
internal import Prober
internal import Runtime

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

    /// The outside checks: expressions by RE2, zone files by the zone reader.
    public static let checks = OutsideChecks(
        expression: { pattern in
            do throws(RegularExpression.PatternError) {
                _ = try RegularExpression(pattern)
                return nil
            } catch {
                return error.reason
            }
        },
        zoneFile: { path, origin in ZoneText.faults(path: path, origin: origin) }
    )

    /// Reads a text as the file at `path`.
    public static func read(_ text: [UInt8], path: String) -> ReadResult {
        ConfigurationReader(checks: checks).read(text, file: path)
    }

    /// Reads a file; `-` is standard input.
    public static func read(path: String) -> (result: ReadResult, text: [UInt8]) {
        do throws(SystemError) {
            let text =
                path == "-"
                ? try File.read(FileDescriptor(raw: 0), limit: sizeLimit)
                : try File.read(path, limit: sizeLimit)
            return (read(text, path: path == "-" ? "standard input" : path), text)
        } catch {
            return (ConfigurationReader.unreadable(file: path, reason: "\(error)"), [])
        }
    }

    /// The configuration at `path`, for a start.
    static func load(_ path: String) throws(StartRefusal) -> ConfigurationText {
        let (result, text) = read(path: path)
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
