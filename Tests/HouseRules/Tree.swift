// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A file of the repository: its path from the top, and its text.
struct TreeFile: Sendable {
    let path: String
    let text: String

    var isSwift: Bool { path.hasSuffix(".swift") }
    var isSource: Bool { path.hasPrefix("Sources/") }

    /// `Steering` for `Sources/Steering/Pool.swift`; empty outside `Sources`.
    var target: String {
        let parts = path.split(separator: "/")
        guard isSource, parts.count > 2 else { return "" }
        return String(parts[1])
    }

    var name: String { String(path.split(separator: "/").last ?? "") }
}

/// A place where a rule is broken.
struct Violation: CustomStringConvertible, Equatable {
    let path: String
    let line: Int
    let reason: String

    var description: String { "\(path):\(line): \(reason)" }
}

/// Turns violations into the message of a failed expectation, one per line.
func report(_ violations: [Violation]) -> String {
    violations.map(\.description).sorted().joined(separator: "\n")
}

/// The repository as it lies on disk, read once.
enum Tree {
    static let root: String = {
        // #filePath is Tests/HouseRules/Tree.swift.
        var parts = #filePath.split(separator: "/")
        parts.removeLast(3)
        return "/" + parts.joined(separator: "/")
    }()

    static let files: [TreeFile] = listed().compactMap { path in
        guard let text = try? String(contentsOfFile: root + "/" + path, encoding: .utf8) else {
            return nil
        }
        return TreeFile(path: path, text: text)
    }

    static let sources: [SwiftFile] = files.filter { $0.isSwift && $0.isSource }.map(SwiftFile.init)

    static let tests: [SwiftFile] =
        files.filter { $0.isSwift && $0.path.hasPrefix("Tests/") }.map(SwiftFile.init)

    static func text(_ path: String) -> String? { files.first { $0.path == path }?.text }

    // Hidden folders hold the build and the history, except .ci which is ours.
    private static func listed() -> [String] {
        guard let walker = FileManager.default.enumerator(atPath: root) else { return [] }
        var paths: [String] = []
        while let path = walker.nextObject() as? String {
            let name = path.split(separator: "/").last ?? ""
            if name.hasPrefix("."), name != ".ci", name != ".swift-format", name != ".gitignore" {
                walker.skipDescendants()
            } else if name == "__pycache__" {
                walker.skipDescendants()
            } else if isText(path) {
                paths.append(path)
            }
        }
        return paths.sorted()
    }

    private static func isText(_ path: String) -> Bool {
        let name = path.split(separator: "/").last ?? ""
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else {
            return !path.hasPrefix("Tests/Captures/")
        }
        let endings = [
            "swift", "md", "txt", "yaml", "yml", "json", "py", "sh", "h", "c", "cc", "modulemap",
            "in", "scenario", "html", "css", "js", "zone",
        ]
        return endings.contains(String(name[name.index(after: dot)...]))
    }
}
