// SPDX-License-Identifier: Apache-2.0

/// The version of this program.
public enum Version {
    /// As `martlet --version` prints it.
    public static let current = "0.1.0"
}
