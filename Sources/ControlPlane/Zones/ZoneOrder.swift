// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import Essentials

/// What an operator asks for about a zone, and what is kept on the disk, or read from it, before he is
/// answered.
///
/// It waits for its turn and for the disk, and the control thread for neither.
struct ZoneOrder: Sendable {
    enum Wish: Sendable {
        /// All changes of the zone are taken back.
        case discard(DomainName)
        /// The file of the zone is read again.
        case reread(String)
        /// This is what the zone is from now on.
        case replace(ZoneImportOrder)
    }

    /// What is said at the end.
    enum End: Sendable, Equatable {
        /// The changes of the zone are gone; the serial that it was served with.
        case discarded(DomainName, UInt32?)
        /// Its file was read again, and all zones were put together for it.
        case reread(String)
        /// The zone is another one, or would be.
        case imported(ZoneImport)
        /// What was brought is wrong, and nothing of it is taken.
        case refused([ReloadProblem])
        /// The flight decides.
        case open
    }

    /// After so long it is not waited for any more: clients of the API have patience for 30 s.
    static let limit = Interval.seconds(25)
    /// Orders that wait.
    static let queueLimit = 100

    var number: UInt64
    var wish: Wish
}
