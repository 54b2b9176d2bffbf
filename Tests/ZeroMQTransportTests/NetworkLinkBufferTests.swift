import Foundation
import Glibc
import Testing
import ZeroMQTransport

/// What the system may hold of bytes between ranks of one host (docs/benchmarks.md says why it is bounded).
@Suite struct NetworkLinkBufferTests {
    @Test func connectionsWithinAHostDoNotPileUp() throws {
        let gate = Gate()
        let results = try withDataPorts(2) { rank, port, peers in
            let link = try port.makeLink(rank: rank, peers: peers, runID: 1, generation: 1, abort: AbortSignal())
            defer { link.close() }
            // Enough for the kernel to find the connection worth more memory, if it is left to.
            let bytes = [UInt8](repeating: 1, count: 4 << 20)
            guard rank == 0 else {
                for _ in 0..<8 { try link.receive(from: 0) { _ in } }
                gate.wait()
                return [Int32]()
            }
            defer { gate.open() }
            for _ in 0..<8 { try bytes.withUnsafeBytes { try link.send($0, to: 1) } }
            try link.flush()
            let peer = try #require(tcpHostAndPort(of: peers[1].endpoint).flatMap { UInt16($0.port) })
            return sendBuffers(ofConnectionsTo: peer)
        }
        let buffers = try results[0].get()
        _ = try results[1].get()
        #expect(buffers.count == 1, "one connection to the peer's port, not \(buffers)")
        // The kernel doubles what was asked for, to have room for its own bookkeeping.
        #expect(buffers.allSatisfy { $0 <= 2 * 384 << 10 }, "\(buffers)")
    }

    /// Of this process' connections to a port, the bytes that the kernel lets each hold.
    private func sendBuffers(ofConnectionsTo port: UInt16) -> [Int32] {
        let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return descriptors.compactMap(Int32.init).compactMap { descriptor in
            var address = sockaddr_in()
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let found = withUnsafeMutableBytes(of: &address) {
                getpeername(descriptor, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), &size)
            }
            guard found == 0, address.sin_family == sa_family_t(AF_INET), UInt16(bigEndian: address.sin_port) == port
            else { return nil }
            var bytes: Int32 = 0
            var length = socklen_t(MemoryLayout<Int32>.size)
            return getsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &bytes, &length) == 0 ? bytes : nil
        }
    }
}
