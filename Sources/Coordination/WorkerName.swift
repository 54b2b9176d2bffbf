import ClusterProtocol

/// Who a worker is, as texts name it: `worker 2 (rank 1, host a, pid 4711)`.
public struct WorkerName: Equatable, Sendable, CustomStringConvertible {
    public var id: WorkerID
    /// Nil outside a ring.
    public var rank: Int?
    public var host: String
    public var pid: Int32

    public init(id: WorkerID, rank: Int? = nil, host: String, pid: Int32) {
        self.id = id
        self.rank = rank
        self.host = host
        self.pid = pid
    }

    public var description: String {
        let place = rank.map { "rank \($0), " } ?? ""
        return "worker \(id) (\(place)host \(host.onOneLine), pid \(pid))"
    }
}

extension String {
    /// The text with control characters as spaces, so that what a peer wrote stays one line.
    var onOneLine: String {
        guard unicodeScalars.contains(where: \.breaksLine) else { return self }
        return String(String.UnicodeScalarView(unicodeScalars.map { $0.breaksLine ? " " : $0 }))
    }
}

extension Unicode.Scalar {
    fileprivate var breaksLine: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}

/// Milliseconds as seconds with one decimal: `3.0 s`.
func seconds(_ milliseconds: UInt64) -> String {
    let tenths = (milliseconds + 50) / 100
    return "\(tenths / 10).\(tenths % 10) s"
}

extension UInt64 {
    /// The time from `earlier` to this, 0 if that is not before.
    func since(_ earlier: UInt64) -> UInt64 {
        self > earlier ? self - earlier : 0
    }
}
