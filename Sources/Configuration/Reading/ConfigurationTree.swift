// SPDX-License-Identifier: Apache-2.0

/// The values in the text of a configuration, not yet looked at through the schema.
///
/// It is several times as large as the settings, and is gone when they are made.
public struct ConfigurationTree: Sendable {
    let bytes: [UInt8]
    let root: Result<YAMLNode?, YAMLFault>

    /// The tree of a text, or what is wrong with its form.
    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
        root = Result { () throws(YAMLFault) in try YAMLReader.read(bytes) }
    }
}
