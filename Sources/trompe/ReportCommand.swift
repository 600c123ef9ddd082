import ArgumentParser
import Foundation
import Manipulation

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Makes a page of one run, or of several side by side; or shows one that goes on.",
    discussion: """
      A run of trompe fool writes report.html by itself. This command writes it again, for one \
      folder into that folder, and for several one page that compares them. The page is one file \
      that opens from the disk and loads nothing.

      --serve shows a run of trompe fool or trompe train while it goes on: its curves, a few \
      heatmaps, and in the end its report. The address that it prints works on this machine \
      only, and for whoever knows it. Ctrl-C ends it, and not the run.

      Example:
        trompe report runs/location runs/top-k runs/center --output comparison.html
        trompe report runs/first --serve
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

  @Flag(help: "Show one run in a browser while it goes on, until Ctrl-C; write nothing.")
  var serve = false

  @Option(
    help: ArgumentHelp("Of --serve, for a tunnel to this machine. (default: a free one)"))
  var port: UInt16?

  func validate() throws {
    guard serve else {
      guard port == nil else { throw ValidationError("--port is of use with --serve only.") }
      return
    }
    guard folders.count == 1 else {
      throw ValidationError("--serve shows one run, and \(folders.count) are given.")
    }
    guard output == nil else {
      throw ValidationError("--serve writes no page; give --serve or --output, not both.")
    }
  }

  func run() throws {
    if serve { return try show() }
    let path = output ?? (folders.count == 1 ? folders[0] + "/report.html" : "report.html")
    try RunReports.write(folders, to: path)
    try Terminal.write("\(path)\n")
  }

  private func show() throws {
    let stop = StopRequest()
    StopSignals.watch(stop, saying: nil)
    let server = try ReportServer(LiveRun(folders[0]), port: port ?? 0)
    try Terminal.write("\(folders[0]) is shown at \(server.address) until Ctrl-C\n")
    server.serve(until: stop)
    if Terminal.error.isInteractive { Terminal.writeError("\n") }
  }
}
