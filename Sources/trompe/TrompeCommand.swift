import ArgumentParser
import CArguments
import Foundation
import Manipulation

/// The program's root: what it is, and its commands.
struct TrompeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trompe",
    abstract: "Makes explanations of image classifiers lie, and measures how well they do.",
    discussion: """
      A manipulated network keeps its accuracy while Grad-CAM and its relatives point elsewhere. \
      With it, an explanation method can be tested before anyone trusts it.

      Example:
        trompe fool recipes/shapes-location-gradcam.yaml -o runs/first
        trompe inspect runs/first/manipulated.h5

      Completions for bash (zsh and fish likewise):
        source <(trompe --generate-completion-script bash)
      """,
    version: VersionText.whole,
    subcommands: [
      FoolCommand.self, FrontierCommand.self, SweepCommand.self, EvaluateCommand.self,
      AuditCommand.self, RepairCommand.self,
      ExplainCommand.self,
      AttackCommand.self,
      CurvatureCommand.self, InfluenceCommand.self, StudyCommand.self, TrainCommand.self,
      RecipesCommand.self,
      RecipeCommand.self,
      ReportCommand.self,
      InspectCommand.self, ConvertCommand.self, BenchCommand.self, DevicesCommand.self,
    ])

  /// Without the program's name.
  private static var arguments: [String] {
    guard let values = arguments_values() else { return Array(CommandLine.arguments.dropFirst()) }
    return (0..<Int(arguments_count())).dropFirst().compactMap { place in
      values[place].map { String(cString: $0) }
    }
  }

  /// Runs the command that the arguments name.
  ///
  /// Exit codes: 0, 2 or 3 after an audit with a finding, 1 after an error, 64 for wrong arguments, 128 + the signal's number (130 for
  /// Ctrl-C) when stopped.
  static func start() -> Never {
    // A closed pipe or a full quota is an error of the write, not the end of the process.
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    do {
      var command = try parseAsRoot(arguments)
      do {
        if !(command is FoolCommand || command is TrainCommand) {
          try StartedProcesses.refuse(type(of: command).configuration.commandName ?? "")
        }
        try command.run()
      } catch { Failure.exit(error) }
    } catch {
      Failure.exitParsing(error)
    }
    Foundation.exit(0)
  }
}
