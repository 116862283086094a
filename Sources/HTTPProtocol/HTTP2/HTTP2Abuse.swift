// SPDX-License-Identifier: Apache-2.0

/// Why a connection was ended for costing more than it is worth; each has a budget or a limit.
public enum HTTP2Abuse: UInt8, BitwiseCopyable, Sendable, CaseIterable {
    /// Streams opened and reset by the client (CVE-2023-44487).
    case rapidReset
    /// Streams that the client made this side reset (CVE-2025-8671).
    case provokedReset
    /// SETTINGS beyond what a change of mind takes (CVE-2019-9515).
    case settings
    /// PING beyond what measuring takes (CVE-2019-9512).
    case ping
    /// PRIORITY and frames of unknown types (CVE-2019-9513).
    case priority
    /// WINDOW_UPDATE beyond what the data that was sent to the client calls for.
    case windowUpdate
    /// Frames without content that end nothing (CVE-2019-9518).
    case emptyFrames
    /// A field block in too many frames (CVE-2024-27316).
    case continuations
    /// A field block longer on the wire than the limit of its list.
    case fieldBlockSize
    /// Field lists beyond their limit, again and again (HPACK bombs, CVE-2016-6581).
    case fieldLists
    /// Many answers kept waiting by windows that never open (CVE-2019-9511, CVE-2019-9517).
    case starvedWindows
    /// More memory than one session may have.
    case memory

    /// The stable word for logs and metrics.
    public var word: StaticString {
        switch self {
        case .rapidReset: "rapid-reset"
        case .provokedReset: "provoked-reset"
        case .settings: "settings-flood"
        case .ping: "ping-flood"
        case .priority: "priority-flood"
        case .windowUpdate: "window-update-flood"
        case .emptyFrames: "empty-frames"
        case .continuations: "continuation-flood"
        case .fieldBlockSize: "field-block-size"
        case .fieldLists: "field-list-size"
        case .starvedWindows: "starved-windows"
        case .memory: "session-memory"
        }
    }
}
