import ClusterProtocol

/// Chooses who is in the next ring and in which order: a pure function of the workers that can be in it.
struct RingOrder {
    let maximumRanks: Int
    let rankZeroNeedsRunDirectory: Bool

    /// The ring, rank 0 first; nil if nobody can be in it or nobody can be rank 0.
    ///
    /// Those who hold the state come before those who do not, the older before the younger. Members of one host are
    /// neighbours. Rank 0 sees the run directory if anybody does.
    func ring(of candidates: [CoordinatorMember]) -> [CoordinatorMember]? {
        let byRight = candidates.sorted { ($0.hasState ? 0 : 1, $0.id) < ($1.hasState ? 0 : 1, $1.id) }
        var chosen = Array(byRight.prefix(maximumRanks))
        guard !chosen.isEmpty else { return nil }
        if rankZeroNeedsRunDirectory, !chosen.contains(where: \.seesRunDirectory) {
            guard let writer = byRight.dropFirst(maximumRanks).first(where: \.seesRunDirectory) else { return nil }
            // The last gives way, since the holders of the state stand first.
            chosen = chosen.dropLast() + [writer]
        }
        return inHostOrder(chosen)
    }

    private func inHostOrder(_ chosen: [CoordinatorMember]) -> [CoordinatorMember] {
        // Hosts by their first writer, or behind all those by their first member.
        var keys: [String: (Int, WorkerID)] = [:]
        for member in chosen {
            let key = (member.seesRunDirectory ? 0 : 1, member.id)
            if let known = keys[member.join.host], known <= key { continue }
            keys[member.join.host] = key
        }
        return chosen.sorted { left, right in
            guard left.join.host == right.join.host else {
                return keys[left.join.host, default: (1, left.id)] < keys[right.join.host, default: (1, right.id)]
            }
            return (left.seesRunDirectory ? 0 : 1, left.id) < (right.seesRunDirectory ? 0 : 1, right.id)
        }
    }
}
