import Configuration

enum ConfigurationCommand: Command {
    static let syntax = CommandSyntax("config", "List every configuration key with its default and meaning.")

    static func run(_ arguments: Arguments) throws -> Int32 {
        print(ConfigurationSchema.helpText)
        return 0
    }
}
