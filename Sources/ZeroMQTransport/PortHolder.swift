import Glibc

/// Who listens on an address that is in use, as far as this process may see.
public enum PortHolder {
    /// A listening socket in the kernel's tables.
    struct Listener: Equatable {
        var inode: UInt64
        var user: UInt32
    }

    /// Why a bind to `endpoint` failed with "address in use", in one line that names the holder:
    /// `the address is in use by murmur (pid 4711)`.
    public static func explanation(for endpoint: String) -> String {
        let listeners = listeners(on: endpoint)
        guard !listeners.isEmpty else {
            return "the address is in use; its holder is not listening any more or lives outside this namespace"
        }
        let holders = processes(holding: Set(listeners.map(\.inode)))
        if holders.isEmpty {
            let users = Set(listeners.map(\.user)).sorted().map(String.init).joined(separator: ", ")
            return "the address is in use by a process of user id \(users), which this user may not look into"
        }
        let names = holders.map { "\($0.command) (pid \($0.pid))" }.joined(separator: ", ")
        return "the address is in use by \(names)"
    }

    /// The TCP listeners on the port of `endpoint`, or the listeners on its ipc path.
    static func listeners(on endpoint: String) -> [Listener] {
        if endpoint.hasPrefix("ipc://") {
            let path = String(endpoint.dropFirst("ipc://".count))
            return unixListeners(in: lines(of: "/proc/net/unix"), path: path)
        }
        guard let (host, text) = tcpHostAndPort(of: endpoint), let port = UInt16(text) else { return [] }
        let address = kernelText(of: host)
        return ["/proc/net/tcp", "/proc/net/tcp6"].flatMap {
            tcpListeners(in: lines(of: $0), address: address, port: port)
        }
    }

    /// A numeric address as the kernel's tables write it: words of the host's byte order in hexadecimal. Nil for names
    /// and wildcards, which collide with every address.
    private static func kernelText(of host: String) -> String? {
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, host, &bytes) == 1 {
            bytes = Array(bytes.prefix(4))
        } else if inet_pton(AF_INET6, host, &bytes) != 1 {
            return nil
        }
        guard bytes.contains(where: { $0 != 0 }) else { return nil }
        return bytes.withUnsafeBytes { raw in
            stride(from: 0, to: raw.count, by: 4).map { offset in
                let word = raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
                return hexadecimal(withUnsafeBytes(of: word.bigEndian) { Array($0) }).uppercased()
            }.joined()
        }
    }

    /// Columns: slot, local address:port (hexadecimal), remote, state (0A: listening), queues, timer, retransmits,
    /// user, timeout, inode.
    ///
    /// - Parameter address: listeners on another one are left out, unless they listen on all; nil: on any.
    static func tcpListeners(in lines: [Substring], address: String?, port: UInt16) -> [Listener] {
        lines.compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count > 9, fields[3] == "0A", let colon = fields[1].lastIndex(of: ":"),
                UInt16(fields[1][fields[1].index(after: colon)...], radix: 16) == port,
                collides(fields[1][..<colon], with: address),
                let user = UInt32(fields[7]), let inode = UInt64(fields[9])
            else { return nil }
            return Listener(inode: inode, user: user)
        }
    }

    /// The end decides, so that an IPv4 address is found in its IPv6-mapped form too.
    private static func collides(_ listening: Substring, with address: String?) -> Bool {
        guard let address else { return true }
        return listening.allSatisfy { $0 == "0" } || listening.hasSuffix(address)
    }

    /// Columns: address, references, protocol, flags (10000: listening), type, state, inode, path.
    static func unixListeners(in lines: [Substring], path: String) -> [Listener] {
        var status = stat()
        let user = stat(path, &status) == 0 ? status.st_uid : 0
        return lines.compactMap { line in
            let fields = line.split(separator: " ", maxSplits: 7)
            guard fields.count == 8, fields[3] == "00010000", fields[7] == path, let inode = UInt64(fields[6])
            else { return nil }
            return Listener(inode: inode, user: user)
        }
    }

    /// The processes that have one of these sockets open, lowest pid first.
    static func processes(holding inodes: Set<UInt64>) -> [(pid: Int32, command: String)] {
        let targets = Set(inodes.map { "socket:[\($0)]" })
        return entries(of: "/proc").compactMap { Int32($0) }.sorted().compactMap { pid in
            let holds = entries(of: "/proc/\(pid)/fd").contains { entry in
                linkTarget("/proc/\(pid)/fd/\(entry)").map(targets.contains) ?? false
            }
            guard holds else { return nil }
            return (pid, lines(of: "/proc/\(pid)/comm").first.map(String.init) ?? "a process")
        }
    }

    // MARK: Reading /proc; what may not be read counts as empty.

    private static func lines(of path: String) -> [Substring] {
        let descriptor = retryingInterrupts { open(path, O_RDONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    }

    private static func entries(of path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names
    }

    private static func linkTarget(_ path: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = buffer.withUnsafeMutableBytes {
            readlink(path, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
        }
        return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
    }
}
