// SPDX-License-Identifier: Apache-2.0
import Foundation
import Runtime

/// A folder of a test's own, gone with all it holds when the test lets go of it.
final class TemporaryFolder {
    let path: String

    init() throws {
        let base = ProcessControl.environment("TMPDIR") ?? "/tmp"
        path = "\(base)/martlet-test-\(ProcessControl.randomSeed())"
        try File.makeFolder(path)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }
}
