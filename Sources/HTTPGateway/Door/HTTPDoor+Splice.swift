// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// Contents of some size pass from the endpoint's socket to the client's inside the kernel.
///
/// With 128 to 512 KiB a tenth of what the whole exchange costs is saved. What lies in the pipe counts
/// as framed bytes that wait for the client: it is sent before anything else.
extension HTTPDoor {
    /// Pipes in use at a time on one worker; further contents are copied.
    static let pipeLimit = 256
    /// Bytes that make the way through a pipe worth while.
    ///
    /// Below, a copy is cheaper. Above, it is so again, as measured in the scenario L7-2: with
    /// 1 MiB the client and the endpoint were woken so often that it cost half as much again.
    static let spliced: ClosedRange<UInt64> = 16_384...524_288

    /// Gets a pipe for a response that has just begun, if one is worth while and to be had.
    mutating func beginSplice(_ c: Int, _ u: Int) {
        guard HTTPDoor.spliced.contains(clients[c].exchange.response.unread),
            !clients[c].isSecure, !upstreams[u].isSecure, upstreams[u].kind == .connection,
            clients[c].exchange.coding < 0, !comparesContent(c), let pipe = pipePool.take()
        else { return }
        guard let handle = pipes.insert(pipe) else { return pipePool.give(pipe) }
        clients[c].exchange.pipe = Int32(handle.index)
    }

    /// True when the rest of the response goes through a pipe.
    func splices(_ c: Int) -> Bool {
        clients[c].exchange.pipe >= 0 && clients[c].exchange.response.unread > 0
    }

    /// Takes what the endpoint has sent into the pipe, which is empty.
    mutating func fillPipe(_ c: Int, _ u: Int) -> IOResult {
        let rest = min(clients[c].exchange.response.unread, HTTPDoor.spliced.upperBound)
        let pipe = Int(clients[c].exchange.pipe)
        let result = pipes[pipe].fill(from: upstreams[u].fd, upTo: Int(rest))
        switch result {
        case .count(let moved):
            clients[c].exchange.response.bypassed(moved)
            count(.bytesSpliced, UInt64(moved))
        case .wouldBlock: upstreams[u].canRead = false  // the pipe is empty, so the socket is
        case .endOfStream, .failed: break
        }
        return result
    }

    /// Sends what lies in the pipe; false when there is nothing more to do now.
    mutating func flushPipe(_ c: Int, _ loop: inout EventLoop) -> Bool {
        let pipe = Int(clients[c].exchange.pipe)
        while pipes[pipe].count > 0 {
            switch pipes[pipe].drain(to: clients[c].fd) {
            case .count(let moved):
                clients[c].exchange.bytesOut &+= UInt64(moved)
                count(.bytesOut, UInt64(moved))
            case .wouldBlock:
                register(c, &loop)
                arm(c, listenerRecords[Int(clients[c].listener)].timeouts.send)
                return false
            case .endOfStream, .failed:
                abandon(c, .clientGone, &loop)
                return false
            }
        }
        return true
    }

    /// Notes whether anything lies behind a response that ended in the pipe.
    ///
    /// It would else be taken for the answer to the next request.
    mutating func lookBehindPiped(_ c: Int, _ u: Int) {
        upstreams[u].wasLarge = clients[c].exchange.pipe >= 0
        upstreams[u].isBrief = clients[c].exchange.response.total <= HTTPDoor.brief
        if upstreams[u].wasLarge { upstreams[u].canRead = Socket.isFinished(upstreams[u].fd) }
    }

    /// True when bytes of the response wait for the client in a pipe.
    func hasPiped(_ c: Int) -> Bool {
        let pipe = Int(clients[c].exchange.pipe)
        return pipe >= 0 && pipes[pipe].count > 0
    }

    /// Gives the exchange's pipe back, if it has one.
    mutating func releasePipe(_ c: Int) {
        let place = Int(clients[c].exchange.pipe)
        guard place >= 0 else { return }
        clients[c].exchange.pipe = -1
        pipePool.give(pipes[place])
        pipes.remove(pipes.handle(at: place))
    }
}
