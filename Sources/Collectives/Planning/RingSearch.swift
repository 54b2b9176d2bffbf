/// Searches for the ring with the fastest slowest connection.
struct RingSearch {
    let speeds: [[Double]]
    /// Breaks all ties, so that the result is a function of the arguments alone.
    let given: [Int]

    /// How good a ring is.
    private struct Score: Comparable {
        var slowest = Double.infinity
        /// How many connections are that slow: local search must see that one of several is gone.
        var atSlowest = 0
        var total = 0.0

        mutating func add(_ speed: Double) {
            total += speed
            if speed < slowest {
                (slowest, atSlowest) = (speed, 1)
            } else if speed == slowest {
                atSlowest += 1
            }
        }

        static func < (left: Score, right: Score) -> Bool {
            if left.slowest != right.slowest { return left.slowest < right.slowest }
            if left.atSlowest != right.atSlowest { return left.atSlowest > right.atSlowest }
            return left.total < right.total
        }
    }

    private func score(_ order: [Int]) -> Score {
        var score = Score()
        var previous = order[order.count - 1]
        for host in order {
            score.add(speeds[previous][host])
            previous = host
        }
        return score
    }

    // MARK: Few hosts

    /// The best of all orders that begin with the first given host; of equals the first one. `(h - 1)!` orders, less
    /// what is cut off because it is too slow already.
    func exact() -> [Int] {
        var best = RingOrdering(given, speeds)
        var order = [given[0]]
        var rest = Array(given.dropFirst())
        func extend(_ slowest: Double) {
            guard !rest.isEmpty else {
                let ring = RingOrdering(order, speeds)
                if (ring.slowest, ring.total) > (best.slowest, best.total) { best = ring }
                return
            }
            for index in rest.indices {
                let speed = min(slowest, speeds[order[order.count - 1]][rest[index]])
                guard speed >= best.slowest else { continue }
                order.append(rest.remove(at: index))
                extend(speed)
                rest.insert(order.removeLast(), at: index)
            }
        }
        extend(.infinity)
        return best.hosts
    }

    // MARK: Many hosts

    /// The best local optimum from the given order and from greedy ones. `O(h³)` a sweep, fewer starts for more hosts.
    func local() -> [Int] {
        let count = given.count
        let starts = [given] + given.prefix(count <= 32 ? 12 : 2).map(greedy)
        var best = given
        var bestScore = score(given)
        for start in starts {
            let order = improved(start, sweeps: count <= 64 ? 50 : 4)
            let orderScore = score(order)
            if bestScore < orderScore { (best, bestScore) = (order, orderScore) }
        }
        // Rings have no beginning; ranks prefer to keep theirs.
        let first = best.firstIndex(of: given[0]) ?? 0
        return Array(best[first...] + best[..<first])
    }

    /// From a host always to the one that is reached fastest of those left.
    private func greedy(from start: Int) -> [Int] {
        var order = [start]
        var rest = given.filter { $0 != start }
        while !rest.isEmpty {
            let last = order[order.count - 1]
            var next = 0
            for index in rest.indices where speeds[last][rest[index]] > speeds[last][rest[next]] { next = index }
            order.append(rest.remove(at: next))
        }
        return order
    }

    /// Reverses stretches (2-opt) and moves them elsewhere (or-opt) as long as that makes the ring better.
    private func improved(_ start: [Int], sweeps: Int) -> [Int] {
        var order = start
        var best = score(order)
        let count = order.count
        let longest = count <= 32 ? count / 2 : 3
        for _ in 0..<sweeps {
            let before = best
            func consider(_ candidate: [Int]) {
                let candidateScore = score(candidate)
                if best < candidateScore { (order, best) = (candidate, candidateScore) }
            }
            for from in 0..<count - 1 {
                for to in from + 1..<count {
                    var candidate = order
                    candidate[from...to].reverse()
                    consider(candidate)
                }
            }
            for length in 1...longest {
                for _ in 0..<count {
                    // Stretches that begin further on come to the front by turning the ring.
                    order = Array(order[1...] + order[..<1])
                    for target in 1..<count - length {
                        let end = length + target
                        consider(Array(order[length..<end] + order[..<length] + order[end...]))
                    }
                }
            }
            if !(before < best) { break }
        }
        return order
    }
}
