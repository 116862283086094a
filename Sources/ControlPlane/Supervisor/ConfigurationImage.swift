// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Runtime

/// A valid configuration as bytes in memory that another process can be handed.
///
/// The serving process may not be allowed to read the file, and after a crash it must start with
/// what was in force, whatever has become of the file since.
final class ConfigurationImage {
    /// The text, as long as ``size`` says.
    let descriptor: FileDescriptor
    let size: Int
    /// Where it says to listen: the only places that are ever opened for the serving process.
    let keys: [SocketKey]
    let grace: Interval
    /// How long another program may take to be ready.
    let upgradeTimeout: Interval
    /// The files that logs are written to.
    let logs: [String]
    /// The only files that are ever read for the serving process.
    let files: [String]
    let fileSet: Set<String>
    /// The only interfaces whose queues are ever taken for the serving process, by their listeners.
    let packets: [SocketKey: XDPSettings]

    init(_ text: [UInt8], settings: Settings) throws(SystemError) {
        size = text.count
        keys = SocketKey.all(of: settings)
        grace = settings.shutdownGrace
        upgradeTimeout = settings.upgradeTimeout
        logs = [
            settings.log.output, settings.log.access.output, settings.log.queries.output,
        ].compactMap { output in
            guard case .file(let path) = output else { return nil }
            return path
        }
        files = settings.watchedFiles
        fileSet = Set(files)
        packets = PacketKeeper.wanted(settings)
        descriptor = try File.openMemory("martlet-configuration", size: max(text.count, 1))
        let memory = try SharedMemory(descriptor, count: max(text.count, 1))
        memory.write(text.span, at: 0)
    }

    deinit { descriptor.close() }

    /// Reads a text that was handed over.
    static func text(_ fd: FileDescriptor, size: Int) throws(SystemError) -> [UInt8] {
        guard size > 0 else { return [] }
        return try SharedMemory(fd, count: size).read(at: 0, length: size)
    }
}
