// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Runtime

/// All that is settled before the first serving process exists.
struct StartPlan {
    let path: String
    let image: ConfigurationImage
    let workers: Int
    let account: Account?
    /// The folder of the state files; nil when none can be written to.
    let stateFolder: String?
    /// Held for as long as this process lives, so that no two services share a state folder.
    let stateLock: FileDescriptor
    /// Findings that do not stop the start.
    let notes: [String]

    static func make(path: String) throws(StartRefusal) -> StartPlan {
        let loaded = try ConfigurationSource.load(path)
        do throws(ReloadProblem) {
            let account = try Account.forServing(loaded.settings.user)
            var notes = loaded.notes
            let state = try StateFolder.open(
                loaded.settings.state,
                configuration: path,
                owner: account,
                notes: &notes
            )
            let image = try image(loaded)
            account?.prepareLogs(image.logs)
            return StartPlan(
                path: path,
                image: image,
                workers: loaded.settings.workers ?? Cores.usable(),
                account: account,
                stateFolder: state?.path,
                stateLock: state?.lock ?? .none,
                notes: notes
            )
        } catch {
            throw StartRefusal(exitCode: 1, lines: [error.text])
        }
    }

    private static func image(
        _ loaded: ConfigurationText
    ) throws(ReloadProblem) -> ConfigurationImage {
        do {
            return try ConfigurationImage(loaded.text, settings: loaded.settings)
        } catch {
            throw .start(
                "M3107",
                "cannot keep the configuration in memory: \(error)",
                "free memory"
            )
        }
    }
}

/// A start that is not to be: what is printed, and the exit code.
struct StartRefusal: Error, Equatable {
    let exitCode: Int32
    let lines: [String]
}
