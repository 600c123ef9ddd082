import ArgumentParser
import Checkpoints
import Manipulation

struct RecipesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recipes",
    abstract: "Lists the recipes there are, with a line each.",
    discussion: """
      What is said of a recipe is the first sentence of the comment at its head.

      Example:
        trompe recipes
      """)

  @Argument(help: "The folder that holds them.", completion: .directory)
  var folder = "recipes"

  @Flag(help: "Print the list as JSON.")
  var json = false

  func run() throws {
    let entries = try RecipeCatalog.entries(in: folder)
    if json { return try Terminal.write(JSON.text(entries)) }
    let blocks = entries.map { entry in
      let path = Terminal.output.styled(printable(entry.path), .bold)
      return "\(path)\n"
        + Format.wrapped("", printable(entry.summary), width: 76).map { "  \($0[1])\n" }.joined()
    }
    try Terminal.write(blocks.joined())
  }
}
