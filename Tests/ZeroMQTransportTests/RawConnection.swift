import Glibc
import ZeroMQTransport

/// A TCP connection without libzmq, to say what no well-behaved peer would.
final class RawConnection {
    private let descriptor: Int32

    /// - Parameter endpoint: `tcp://127.0.0.1:port`.
    init(_ endpoint: String) throws {
        guard let (_, text) = tcpHostAndPort(of: endpoint), let port = UInt16(text) else {
            throw TransportError("connect to", endpoint, cause: "not a TCP endpoint")
        }
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw TransportError("connect to", endpoint, cause: String(cString: strerror(errno))) }
    }

    deinit {
        close(descriptor)
    }

    /// Writes as much as the other side takes; false once it has closed.
    @discardableResult
    func write(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// The next `count` bytes; fewer if the other side closed.
    func read(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        errno = 0
        let received = recv(descriptor, &bytes, count, Int32(MSG_WAITALL))
        return Array(bytes.prefix(max(0, received)))
    }

    /// Reads until the other side has closed; false if patience ran out before.
    func waitForClose() -> Bool {
        var limit = timeval(tv_sec: patience / 1000, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        while !read(1).isEmpty {}
        return errno != EAGAIN
    }

    // MARK: ZMTP 3 (RFC 23)

    /// Exchanges greetings for a security mechanism, `NULL` or `CURVE`.
    func greet(mechanism: String) {
        let name = Array(mechanism.utf8)
        write([0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 0])
        write(name + [UInt8](repeating: 0, count: 20 - name.count) + [0] + [UInt8](repeating: 0, count: 31))
        _ = read(64)
    }

    /// Introduces itself as a DEALER without security and takes the other side's introduction.
    func handshakePlain() {
        greet(mechanism: "NULL")
        let name = Array("Socket-Type".utf8)
        let type = Array("DEALER".utf8)
        let body = [5] + Array("READY".utf8) + [UInt8(name.count)] + name + [0, 0, 0, UInt8(type.count)] + type
        write([4, UInt8(body.count)] + body)
        let header = read(2)
        if header.count == 2 { _ = read(Int(header[1])) }
    }

    /// The header of a long frame of `size` bytes.
    static func longFrameHeader(size: UInt64, isCommand: Bool = false) -> [UInt8] {
        [isCommand ? 6 : 2] + withUnsafeBytes(of: size.bigEndian) { Array($0) }
    }
}
