// SPDX-License-Identifier: Apache-2.0

/// Reading a ring as a queue, for one reader that wants every record once.
extension QueryRing {
    /// The record at a position that counts all records ever written, and moves it behind that.
    ///
    /// Nil when there is none yet. What was written over before it was read is passed over, and
    /// counted in `lost`.
    public func next(_ position: inout UInt64, lost: inout UInt64) -> QueryRecord? {
        while capacity > 0 {
            let written = written
            guard position < written else {
                // Behind a restart of the counts there would be nothing to wait for.
                position = min(position, written)
                return nil
            }
            let oldest = written - min(written, UInt64(capacity))
            if position < oldest {
                lost &+= oldest - position
                position = oldest
            }
            let found = record(position)
            position += 1
            if let found { return found }
            lost &+= 1
        }
        return nil
    }
}
