// SPDX-License-Identifier: Apache-2.0
internal import CNGHTTP2

/// What the peer's windows let this side send (RFC 9113 §5.2).
extension HTTP2Session {
    /// Octets that the peer lets a stream send at its beginning (SETTINGS_INITIAL_WINDOW_SIZE).
    public var peerWindow: UInt32 {
        unsafe nghttp2_session_get_remote_settings(
            memory.pointee.raw,
            NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE
        )
    }

    /// Streams with content that waits, and whose windows have been open for fewer than `octets`
    /// since they began.
    public func starving(below octets: Int) -> Int {
        var count = 0
        var place = unsafe memory.pointee.first
        while let stream = unsafe place {
            unsafe place = stream.pointee.next
            guard unsafe stream.pointee.count > 0 else { continue }
            if unsafe opened(stream) < octets { count &+= 1 }
        }
        return count
    }

    // Octets that the peer has let the stream send since it began.
    private func opened(_ stream: UnsafeMutablePointer<StreamMemory>) -> Int {
        let window = unsafe nghttp2_session_get_stream_remote_window_size(
            memory.pointee.raw,
            stream.pointee.stream
        )
        return unsafe stream.pointee.sent &+ Int(max(window, 0))
    }

    /// Marks a stream whose request waits until its window is open, or others are done.
    public func hold(_ stream: Int32) {
        guard let kept = unsafe find(stream) else { return }
        unsafe kept.pointee.isHeld = true
    }

    /// Holds one stream no longer, and gives its owner; 0 for none.
    ///
    /// It is the oldest whose window has been open for `octets`; where there is none, and there is
    /// `room`, the oldest of all.
    public func letGo(above octets: Int, room: Bool) -> UInt64 {
        var open: UnsafeMutablePointer<StreamMemory>?
        var any: UnsafeMutablePointer<StreamMemory>?
        var place = unsafe memory.pointee.first
        // The youngest comes first.
        while let stream = unsafe place {
            unsafe place = stream.pointee.next
            guard unsafe stream.pointee.isHeld else { continue }
            unsafe any = stream
            if unsafe opened(stream) >= octets { unsafe open = stream }
        }
        guard let chosen = unsafe open ?? (room ? any : nil) else { return 0 }
        unsafe chosen.pointee.isHeld = false
        return unsafe chosen.pointee.owner
    }
}
