// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// Clients by HTTP/2 that ask and do not let anybody answer: their windows stay shut.
///
/// Each such answer would hold an endpoint's connection and buffers here. A few of a connection go
/// to work all the same, for the answer may have no content; the rest wait until their windows
/// open or those are done. A connection where many wait is cut.
extension HTTPDoor {
    /// Requests of a connection that are at work at a time although their windows are shut.
    static let shutRequests: Int32 = 8
    /// How often closed windows are looked for, on connections with many streams: often enough
    /// that a late look still cuts within a second.
    private static let windowPeriod = Interval.milliseconds(150)
    /// Octets that the window of a stream has to have been open for.
    private static let leastWindow = 1_024

    mutating func windowCheck(_ s: Int) -> Instant {
        guard sessions[s].meter.watchesWindows(streams: sessions[s].streams) else {
            sessions[s].windowCheck = .never
            return .never
        }
        if sessions[s].windowCheck == .never {
            sessions[s].windowCheck = now + HTTPDoor.windowPeriod
        }
        return sessions[s].windowCheck
    }

    mutating func checkWindows(_ c: Int, _ loop: inout EventLoop) {
        let s = Int(clients[c].place)
        sessions[s].windowCheck = .never
        let starving =
            sessions[s].session.starving(below: HTTPDoor.leastWindow) + Int(sessions[s].held)
        if let abuse = sessions[s].meter.sawStarving(starving, now: now) {
            return cutSession(c, abuse, &loop)
        }
        parkSession(c)
    }

    /// True when the request's turn may come; else it is held.
    mutating func mayWork(_ c: Int) -> Bool {
        let place = Int(clients[c].place)
        let s = Int(streams[place].session)
        guard sessions[s].session.peerWindow < HTTPDoor.leastWindow else { return true }
        guard sessions[s].shut >= HTTPDoor.shutRequests else {
            noteWindow(of: place, .shut)
            return true
        }
        count(.http2Held)
        sessions[s].session.hold(streams[place].number)
        noteWindow(of: place, .held)
        return false
    }

    /// Lets those go to work whose windows are open now, or whose turn it is.
    mutating func releaseHeld(_ s: Int) {
        while sessions[s].held > 0 {
            let room = sessions[s].shut < HTTPDoor.shutRequests
            let owner = sessions[s].session.letGo(above: HTTPDoor.leastWindow, room: room)
            let handle = Handle(number: owner)
            guard owner != 0, clients.contains(handle), clients[Int(handle.index)].isStream else {
                return
            }
            let c = Int(handle.index)
            // Where there was room it may be either: as shut it counts until it ends.
            noteWindow(of: Int(clients[c].place), room ? .shut : .open)
            queueReady(c)
        }
    }

    /// Keeps the two counts of the session true to what its streams are.
    mutating func noteWindow(of place: Int, _ window: StreamState.Window) {
        let s = Int(streams[place].session)
        let before = streams[place].window
        streams[place].window = window
        sessions[s].shut &+= (window == .shut ? 1 : 0) &- (before == .shut ? 1 : 0)
        sessions[s].held &+= (window == .held ? 1 : 0) &- (before == .held ? 1 : 0)
    }
}
