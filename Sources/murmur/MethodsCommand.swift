import Configuration
import Runtime

enum MethodsCommand: Command {
    static let syntax = CommandSyntax(
        "methods", "List the methods with their presets, or tell what one of them takes.", optional: "METHOD")

    static func run(_ arguments: Arguments) throws -> Int32 {
        guard let name = arguments.positionals.first else {
            print(MethodCatalogue.listing)
            return 0
        }
        print(try MethodCatalogue.entry(named: name).text)
        print("inputs of murmur loss \(name):")
        let inputs = LossEvaluationLaunch.inputs(of: name)
        for input in inputs.isEmpty ? ["there is no murmur loss for this method"] : inputs { print("  \(input)") }
        return 0
    }
}
