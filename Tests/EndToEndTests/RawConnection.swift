import Foundation
import Glibc
import ZeroMQTransport

/// A TCP connection without libzmq, to say what no well-behaved peer would.
final class RawConnection {
    private let descriptor: Int32

    /// - Parameter endpoint: `tcp://` with a numeric IPv4 address and a port.
    init(_ endpoint: String) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        guard let (host, text) = tcpHostAndPort(of: endpoint), let port = UInt16(text),
            inet_pton(AF_INET, host, &address.sin_addr) == 1
        else { throw MurmurProcess.Problem(description: "\(endpoint) is not a numeric TCP endpoint") }
        address.sin_port = port.bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            let cause = String(cString: strerror(errno))
            throw MurmurProcess.Problem(description: "cannot connect to \(endpoint): \(cause)")
        }
        // Longer than any limit of the other side; then reading gives up.
        var patience = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    /// Writes as much as the other side takes.
    func write(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// Reads on until the other side has closed; false if patience ran out before.
    func isClosedByPeer() -> Bool {
        var byte: UInt8 = 0
        while true {
            let count = recv(descriptor, &byte, 1, 0)
            if count == 0 { return true }
            if count < 0 { return errno != EAGAIN }
        }
    }

    /// Introduces itself as a DEALER without security (ZMTP 3, RFC 23), without waiting for answers.
    func introducePlain() {
        let greeting: [UInt8] = [0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 0]
        write(greeting + Array("NULL".utf8) + [UInt8](repeating: 0, count: 48))
        let name = Array("Socket-Type".utf8)
        let type = Array("DEALER".utf8)
        let body = [5] + Array("READY".utf8) + [UInt8(name.count)] + name + [0, 0, 0, UInt8(type.count)] + type
        write([4, UInt8(body.count)] + body)
    }
}

/// This host's own addresses.
enum HostAddress {
    /// The first numeric IPv4 address on an interface that is up and not loopback.
    static let beyondLoopback: String? = {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0, let list else { return nil }
        defer { freeifaddrs(list) }
        for entry in sequence(first: list, next: { $0.pointee.ifa_next }) {
            guard entry.pointee.ifa_flags & UInt32(IFF_UP) != 0, let address = entry.pointee.ifa_addr,
                Int32(address.pointee.sa_family) == AF_INET
            else { continue }
            var ip = UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in.self).sin_addr
            var buffer = [UInt8](repeating: 0, count: Int(INET_ADDRSTRLEN))
            let text = buffer.withUnsafeMutableBytes { raw in
                inet_ntop(AF_INET, &ip, raw.baseAddress, socklen_t(INET_ADDRSTRLEN))
            }.map { String(cString: $0) }
            if let text, !isLoopback(text) { return text }
        }
        return nil
    }()
}
