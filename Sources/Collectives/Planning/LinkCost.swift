/// What it costs to move and combine bytes over one kind of connection: a message of `n` bytes arrives `α + β n` seconds
/// after it was sent, and a connection carries one message after the other (Hockney 1994, "The communication challenge
/// for MPP").
public struct LinkCost: Equatable, Sendable, Codable {
    /// α: seconds a message, whatever its length.
    public var alpha: Double
    /// β: seconds a byte carried.
    public var beta: Double
    /// γ: seconds a byte combined with what is there.
    public var gamma: Double

    /// - Parameters: none negative, all finite.
    public init(alpha: Double, beta: Double, gamma: Double = 0) {
        precondition([alpha, beta, gamma].allSatisfy { $0 >= 0 && $0.isFinite }, "a cost is a finite number from 0 on")
        self.alpha = alpha
        self.beta = beta
        self.gamma = gamma
    }

    /// Seconds until a message of `bytes` has arrived.
    public func seconds(bytes: Double) -> Double {
        alpha + beta * bytes
    }

    /// The shortest time that counts (seconds): clocks have nanoseconds, and no message is free.
    static let shortestSeconds = 1e-9

    /// The line `α + β n` through measured times; γ is 0.
    ///
    /// - **Outliers.** Of each size the shortest time counts alone. A busy machine delays a message, nothing hurries it;
    ///   so the shortest is the one least disturbed, however many of the others were.
    /// - **Weights.** What is made least is the sum of squared *relative* errors. Absolute ones would let a megabyte's
    ///   jitter decide about α, which is a thousandth of it.
    /// - **Signs.** α and β are the best pair without a negative one: where the free line has one, the better of the
    ///   fits with α = 0 and with β = 0.
    ///
    /// Samples that are no measurement (negative sizes, negative or non-finite times) are left out.
    ///
    /// - Returns: nil without a sample. With one size alone nothing tells α from β; all is α then.
    public static func fit(samples: [(bytes: Int, seconds: Double)]) -> LinkCost? {
        var shortest: [Int: Double] = [:]
        for sample in samples where sample.bytes >= 0 && sample.seconds >= 0 && sample.seconds.isFinite {
            shortest[sample.bytes] = min(
                shortest[sample.bytes] ?? .infinity, max(sample.seconds, shortestSeconds))
        }
        // Sorted, since sums of floating-point numbers depend on their order and all ranks must have the same.
        let points = shortest.sorted { $0.key < $1.key }.map { (x: Double($0.key), y: $0.value) }
        guard points.count > 1 else { return points.first.map { LinkCost(alpha: $0.y, beta: 0) } }

        // With u = 1/y and v = x/y: make the sum of (α u + β v - 1)² least.
        var (uu, uv, vv, u1, v1) = (0.0, 0.0, 0.0, 0.0, 0.0)
        for point in points {
            let (u, v) = (1 / point.y, point.x / point.y)
            uu += u * u
            uv += u * v
            vv += v * v
            u1 += u
            v1 += v
        }
        let determinant = uu * vv - uv * uv
        let free = (alpha: (u1 * vv - v1 * uv) / determinant, beta: (v1 * uu - u1 * uv) / determinant)
        if free.alpha >= 0, free.beta >= 0, free.alpha.isFinite, free.beta.isFinite {
            return LinkCost(alpha: free.alpha, beta: free.beta)
        }
        // What a fit with one parameter takes off the sum of squares.
        return u1 * u1 / uu >= v1 * v1 / vv
            ? LinkCost(alpha: u1 / uu, beta: 0) : LinkCost(alpha: 0, beta: v1 / vv)
    }
}
