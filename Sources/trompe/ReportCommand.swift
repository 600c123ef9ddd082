import ArgumentParser
import Foundation
import Manipulation

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Makes a page of one run, or of several side by side.",
    discussion: """
      A run of trompe fool writes report.html by itself. This command writes it again, for one \
      folder into that folder, and for several one page that compares them. The page is one file \
      that opens from the disk and loads nothing.

      Example:
        trompe report runs/location runs/top-k runs/center --output comparison.html
      """)

  @Argument(
    help: "Output folders of trompe fool and trompe evaluate.", completion: .directory)
  var folders: [String]

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "Where the page goes. (default: report.html, in the folder if there is one)",
      valueName: "file"), completion: .file(extensions: ["html"]))
  var output: String?

  func run() throws {
    let path = output ?? (folders.count == 1 ? folders[0] + "/report.html" : "report.html")
    try RunReports.write(folders, to: path)
    try Terminal.write("\(path)\n")
  }
}
