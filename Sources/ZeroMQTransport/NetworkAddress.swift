import Glibc

/// Which of this host's addresses a socket binds to and others are told.
public enum NetworkAddress {
    private static let operation = "choose an address"

    /// The address on which a worker binds its data port so that the other workers of the run reach it.
    ///
    /// Loopback if the coordinator is on loopback or ipc; otherwise the address from which this host reaches the
    /// coordinator, which is on the right interface.
    ///
    /// - Parameters:
    ///   - coordinator: the endpoint of the control channel.
    ///   - override: what the user wants instead: an address of this host, or the name of an interface.
    /// - Returns: a numeric address as endpoints write it (`192.0.2.7`, `[2001:db8::7]`).
    /// - Throws: `TransportError` if there is no route, or the override is not of this host (then with those that are).
    public static func forData(coordinator: String, override: String? = nil) throws -> String {
        if let override { return try ofThisHost(override) }
        if coordinator.hasPrefix("ipc://") { return "127.0.0.1" }
        guard let (host, port) = tcpHostAndPort(of: coordinator) else {
            throw TransportError(operation, cause: "\(coordinator) is not an endpoint of the form tcp://host:port")
        }
        return try routing(to: host, port: port)
    }

    /// An endpoint as others reach it: a bound wildcard (`0.0.0.0`, `[::]`) becomes this host's address towards the
    /// rest of the world. Other endpoints stay as they are.
    ///
    /// - Throws: `TransportError` if this host has no address but loopback.
    public static func advertised(_ bound: String) throws -> String {
        guard let (host, port) = tcpHostAndPort(of: bound), ["0.0.0.0", "::", "*"].contains(host) else { return bound }
        let family = host == "::" ? AF_INET6 : AF_INET
        // Addresses kept for documentation: never anyone's, so they follow the default route. Nothing is sent there.
        let elsewhere = family == AF_INET ? "192.0.2.1" : "2001:db8::1"
        if let address = try? routing(to: elsewhere, port: "9") { return "tcp://\(address):\(port)" }
        guard let address = local().first(where: { $0.family == family && !isLoopback($0.text) }) else {
            throw TransportError(operation, cause: "this host has no address but loopback; say which with --bind")
        }
        return "tcp://\(address.text):\(port)"
    }

    /// The local address from which packets to `host` would leave. Sends nothing.
    ///
    /// - Throws: `TransportError` if the name is unknown or there is no route to it.
    static func routing(to host: String, port: String) throws -> String {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, port, &hints, &list)
        guard result == 0, let list else {
            throw TransportError("look up", host, cause: String(cString: gai_strerror(result)))
        }
        defer { freeaddrinfo(list) }
        var failure = TransportError("reach", host, cause: "it has no address")
        for candidate in sequence(first: list, next: { $0.pointee.ai_next }) {
            let descriptor = socket(candidate.pointee.ai_family, Int32(SOCK_DGRAM.rawValue), 0)
            guard descriptor >= 0 else { continue }
            defer { close(descriptor) }
            // Connecting a datagram socket only looks up the route.
            guard connect(descriptor, candidate.pointee.ai_addr, candidate.pointee.ai_addrlen) == 0 else {
                failure = TransportError.system("reach", host)
                continue
            }
            var address = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let text = withUnsafeMutablePointer(to: &address) { storage in
                storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    getsockname(descriptor, address, &length) == 0 ? numericText(of: address) : nil
                }
            }
            if let text { return text }
        }
        throw failure
    }

    /// Resolves an address or interface name of this host.
    private static func ofThisHost(_ wanted: String) throws -> String {
        let bare = wanted.hasPrefix("[") && wanted.hasSuffix("]") ? String(wanted.dropFirst().dropLast()) : wanted
        let all = local()
        if let byText = all.first(where: { $0.text == bare || $0.text == "[\(bare)]" }) { return byText.text }
        let named = all.filter { $0.interface == bare }
        // Of an interface's addresses the IPv4 one, as everywhere.
        if let address = named.first(where: { $0.family == AF_INET }) ?? named.first { return address.text }
        if isLoopback(bare) { return bare == "localhost" ? "127.0.0.1" : bare.contains(":") ? "[\(bare)]" : bare }
        let choices = all.map { "\($0.text) (\($0.interface))" }.joined(separator: ", ")
        throw TransportError(
            "bind to", wanted, cause: "it is neither an address nor an interface of this host, which has \(choices)")
    }

    private struct LocalAddress {
        var interface: String
        var family: Int32
        var text: String
    }

    /// This host's addresses on interfaces that are up, without IPv6's link-local ones, which need a zone to be used.
    private static func local() -> [LocalAddress] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0, let list else { return [] }
        defer { freeifaddrs(list) }
        return sequence(first: list, next: { $0.pointee.ifa_next }).compactMap { entry in
            guard entry.pointee.ifa_flags & UInt32(IFF_UP) != 0, let address = entry.pointee.ifa_addr,
                let text = numericText(of: address), !text.hasPrefix("[fe80")
            else { return nil }
            return LocalAddress(
                interface: String(cString: entry.pointee.ifa_name), family: Int32(address.pointee.sa_family), text: text
            )
        }
    }

    /// Nil for other families than IPv4 and IPv6.
    private static func numericText(of address: UnsafePointer<sockaddr>) -> String? {
        let family = Int32(address.pointee.sa_family)
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let raw = UnsafeRawPointer(address)
        if family == AF_INET {
            var ip = raw.loadUnaligned(as: sockaddr_in.self).sin_addr
            inet_ntop(family, &ip, &buffer, socklen_t(buffer.count))
            return Z85.text(buffer)
        }
        guard family == AF_INET6 else { return nil }
        var ip = raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr
        inet_ntop(family, &ip, &buffer, socklen_t(buffer.count))
        return "[\(Z85.text(buffer))]"
    }
}
