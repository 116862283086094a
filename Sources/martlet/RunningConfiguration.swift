// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import ControlPlane
internal import Runtime

/// The configuration that a running service has in force.
enum RunningConfiguration {
    /// Why it is not known.
    struct Failure: Error {
        let text: String
    }

    /// Reads what the service of this file has left in its state folder.
    static func read(path: String, settings: Settings) throws(Failure) -> ReadResult {
        guard path != "-" else { throw Failure(text: "give the file by name, or --config OTHER") }
        let kept = ServiceState.lastConfiguration(of: path, settings: settings)
        do {
            let text = try File.read(kept, limit: ConfigurationSource.sizeLimit)
            return ConfigurationSource.read(text, path: path)
        } catch {
            throw Failure(
                text: "no running configuration of \(path) is known (\(kept): \(error)). "
                    + "Start it first, or compare two files with --config OTHER."
            )
        }
    }
}
