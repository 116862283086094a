// SPDX-License-Identifier: Apache-2.0
// modules: Essentials Configuration
// libraries: -lyaml
// sanitizer: detect_leaks=0
import Configuration

/// A configuration file from anybody is read, reported and compared with itself.
///
/// Leaks show as growth against the memory bound only: the schema table holds boxes of indirect
/// cases by tagged pointers, which the leak detector takes for lost at the end.
func examine(_ bytes: [UInt8]) {
    let result = ConfigurationReader().read(bytes, file: "fuzz.yaml")
    promise(CheckReport.text(result).hasSuffix("\n"), "a report ends in a line break")
    guard let configuration = result.configuration else {
        promise(!result.errors.isEmpty, "a refused file has an error")
        return
    }
    promise(result.errors.isEmpty, "a valid file has no error")
    let same = ConfigurationDifference(from: configuration, to: configuration)
    promise(same.isEmpty, "a configuration does not differ from itself")
}
