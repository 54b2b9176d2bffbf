import Glibc

/// Whether connections of this endpoint can leave the host, so that they must be encrypted.
///
/// `inproc`, `ipc` and TCP on a loopback address (127.0.0.0/8, ::1, localhost) do not. Everything else does, also what
/// cannot be told from the text: wildcards, interface and host names.
public func requiresEncryption(_ endpoint: String) -> Bool {
    if endpoint.hasPrefix("inproc://") || endpoint.hasPrefix("ipc://") { return false }
    guard let (host, _) = tcpHostAndPort(of: endpoint) else { return true }
    return !isLoopback(host)
}

/// Whether a host as written in an endpoint is this host's loopback. Numeric addresses must be complete.
public func isLoopback(_ host: String) -> Bool {
    if host == "localhost" { return true }
    var v4 = in_addr()
    if inet_pton(AF_INET, host, &v4) == 1 { return UInt32(bigEndian: v4.s_addr) >> 24 == 127 }
    var v6 = in6_addr()
    let text = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    guard inet_pton(AF_INET6, text, &v6) == 1 else { return false }
    return withUnsafeBytes(of: v6) { $0.dropLast().allSatisfy { $0 == 0 } && $0.last == 1 }
}

/// The host (without brackets) and port of `tcp://host:port`; nil if it is another transport, names a source address
/// too, or has no port.
public func tcpHostAndPort(of endpoint: String) -> (host: String, port: String)? {
    guard endpoint.hasPrefix("tcp://"), !endpoint.contains(";") else { return nil }
    let address = endpoint.dropFirst("tcp://".count)
    guard let colon = address.lastIndex(of: ":") else { return nil }
    var host = address[..<colon]
    let port = address[address.index(after: colon)...]
    guard !host.isEmpty, !port.isEmpty else { return nil }
    if host.hasPrefix("[") && host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    return (String(host), String(port))
}

/// Refuses ports beyond 65535: libzmq keeps only their low 16 bits and would use another port without a word.
func checkPort(of endpoint: String, operation: String) throws {
    guard let (_, port) = tcpHostAndPort(of: endpoint), port != "*", UInt16(port) == nil else { return }
    throw TransportError(operation, endpoint, cause: "'\(port)' is not a port; a number up to 65535 is")
}

/// The file of `ipc://path`; nil if it is another transport or has no file (`ipc://*`, which libzmq names, and `ipc://@…`).
func ipcPath(of endpoint: String) -> String? {
    guard endpoint.hasPrefix("ipc://") else { return nil }
    let path = String(endpoint.dropFirst("ipc://".count))
    return path.isEmpty || path == "*" || path.hasPrefix("@") ? nil : path
}
