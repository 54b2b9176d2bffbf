/// What there is to tell of a method for somebody who chooses one: what `murmur methods` prints.
public struct MethodEntry: Sendable {
    public let method: RunConfiguration.Method
    /// The method's name in print.
    public let title: String
    /// What it is, in a line.
    public let summary: String
    /// Authors, title, venue; the authors' code.
    public let source: String
    /// What crosses the workers besides the gradients of parameters and the statistics of batch normalisation.
    public let exchange: String
    /// Keys of the configuration that only some methods read, this one among them.
    public let keys: [String]

    /// The files under `examples/` that train it, from the repository's root: a run of minutes first.
    public var presets: [String] {
        ["quick", "cifar10", "imagenet"].map { "examples/\($0)/\(method.rawValue).yaml" }
    }

    /// The page about it.
    public var page: String { "docs/methods/\(method.rawValue).md" }

    /// `keys` with the values that the method has where nothing else is said.
    public var settings: [(key: String, value: String)] {
        var configuration = RunConfiguration()
        configuration.method = method
        configuration.resolveMethod()
        return keys.map { name in
            guard let key = ConfigurationSchema.key(named: name) else {
                preconditionFailure("the catalogue names '\(name)', which is no key")
            }
            return (name, key.read(configuration) ?? "unset")
        }
    }
}
