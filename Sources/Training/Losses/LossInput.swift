/// A tensor that a loss reads.
public struct LossInput: Sendable {
    public enum Role: Sendable {
        /// Floating-point numbers, with gradient.
        case trained
        /// Floating-point numbers, without gradient.
        case constant
        /// For each image the number of one of K rows, or `unassigned`; int64.
        case clusters
    }

    public let name: String
    /// What each dimension counts. `N` is the images, which are cut over the ranks; a name stands for the same size in
    /// all inputs.
    public let dimensions: [String]
    public let role: Role

    public init(_ name: String, _ dimensions: [String], _ role: Role = .trained) {
        self.name = name
        self.dimensions = dimensions
        self.role = role
    }

    /// The dimension that counts images; nil where every rank has the whole tensor.
    var imageDimension: Int? { dimensions.firstIndex(of: "N") }

    /// `[N, D]`
    var shapeText: String { "[\(dimensions.joined(separator: ", "))]" }
}
