import ArgumentParser
import Benchmarks
import Checkpoints
import Manipulation
import TensorCPU
import TensorRuntime

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Times training steps and evaluations, against what this machine can do.",
    usage: "trompe bench [<options>]",
    discussion: """
      For each network and work: milliseconds per image, arithmetic per second, its share of the \
      machine's own peak (a large convolution measured between the steps), and memory. Median of \
      all repeats.

      Example:
        trompe bench
        trompe bench --network resnet50 --work simple-grad --profile
      """)

  @Option(
    help: ArgumentHelp("A network; may be repeated. (default: all)", valueName: "name"),
    completion: .list(BenchmarkNetwork.all.map(\.name)))
  var network: [String] = []

  @Option(
    help: ArgumentHelp(
      "\(BenchmarkWork.allCases.map(\.rawValue).joined(separator: ", ")); may be repeated. "
        + "(default: all but classifier)", valueName: "name"))
  var work: [BenchmarkWork] = []

  @Option(help: "Images at a time. (default: the network's)")
  var batch: Int?

  @Option(help: "Height and width of the images. (default: the network's)")
  var side: Int?

  @Option(help: "Measured runs of each.")
  var repeats = 5

  @Option(help: "Worker threads. (default: one for each core)")
  var threads: Int?

  @Option(
    help: ArgumentHelp("A checkpoint to start from; random weights otherwise.", valueName: "file"),
    completion: .file(extensions: ["h5"]))
  var weights: String?

  @Option(
    help: ArgumentHelp(
      "Whose convolutions: own, Winograd's algorithms for 3×3 and 1×1 among them, or onednn.",
      valueName: "name"))
  var kernels = CPUKernelOptions.Library.own

  @Option(
    help: ArgumentHelp(
      "In what convolutions multiply: \(ExecutionPolicy.Precision.allCases.map(\.rawValue).joined(separator: " or ")).",
      valueName: "name"))
  var precision = ExecutionPolicy.Precision.float32

  @Option(
    help: ArgumentHelp(
      "On what programs run: cpu, xla-cpu or cuda, as compute.device of a recipe.",
      valueName: "name"),
    transform: { name in
      guard let device = ComputeDevice(name) else {
        throw ValidationError("\(printable(name)) is no device, expected cpu, xla-cpu or cuda")
      }
      return device
    })
  var device: ComputeDevice?

  @Flag(help: "Compute again what would be kept for long, to need less memory.")
  var lowMemory = false

  @Flag(help: "Where the time goes: by kind of work, and the kernels that take longest.")
  var profile = false

  @Flag(help: "One line of JSON for each network and work.")
  var json = false

  @Flag(
    help: ArgumentHelp(
      "Run once for each line read, and answer with the seconds: for measuring in turns with "
        + "another program."))
  var paced = false

  func validate() throws {
    guard repeats > 0 else { throw ValidationError("--repeats must be at least 1.") }
    if let batch, !(1...4096).contains(batch) {
      throw ValidationError("--batch must be between 1 and 4096.")
    }
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads must be between 1 and 1024.")
    }
    if device.map({ $0 != .cpu }) ?? false, lowMemory || profile || kernels != .own {
      throw ValidationError(
        "--low-memory, --profile and --kernels are of the device cpu; omit them, or --device.")
    }
    if paced && (network.count != 1 || work.count != 1) {
      throw ValidationError("--paced needs one --network and one --work.")
    }
  }

  func run() throws {
    let policy = ExecutionPolicy(threads: threads, precision: precision, recomputes: lowMemory)
    let kernels = CPUKernelOptions(library: self.kernels)
    let isOnCPU = device.map { $0 == .cpu } ?? true
    func executor() throws -> any Executor {
      isOnCPU
        ? CPUExecutor(kernels: kernels)
        : try ExecutorChoice.executor(for: ComputeSection(device: device))
    }
    let works = work.isEmpty ? BenchmarkWork.allCases.filter { $0 != .classifier } : work
    let networks = try (network.isEmpty ? BenchmarkNetwork.all.map(\.name) : network).map { name in
      var network = try BenchmarkNetwork(named: name)
      network.batchSize = batch ?? network.batchSize
      network.side = side ?? network.side
      return network
    }
    // Of the processors.
    let peak = isOnCPU ? try ConvolutionPeak(policy: policy, kernels: kernels) : nil
    var rows = [Measured.head]
    for network in networks {
      for work in works {
        let benchmark = try StepBenchmark(
          network, work, weights: weights, on: executor(), policy: policy)
        if paced { return try runPaced(benchmark) }
        let measured = try Measured(benchmark, peak, repeats: repeats, profiling: profile)
        if json {
          try Terminal.write(JSON.line(measured))
        } else if let profile = benchmark.profile, self.profile {
          try Terminal.write(Format.table([Measured.head, measured.row]))
          try Terminal.write("\n" + ProfileTable.text(profile) + "\n")
        } else {
          rows.append(measured.row)
          Terminal.writeError(
            "\(network.name) \(work.rawValue): \(measured.row[2]) ms per image\n")
        }
      }
    }
    if !json && !profile { try Terminal.write(Format.table(rows, leading: 2)) }
  }

  private func runPaced(_ benchmark: StepBenchmark) throws {
    while readLine() != nil {
      let seconds = try benchmark.run()
      try Terminal.write("\(seconds) \(try JSON.line(benchmark.values))")
    }
  }
}

extension BenchmarkWork: ExpressibleByArgument {}

/// One line of the table.
private struct Measured: Encodable {
  let network: String
  let work: String
  let batchSize: Int
  let threads: Int
  let compileSeconds: Double
  let millisecondsPerImage: Double
  let gigaflopPerImage: Double
  let gigaflopPerSecond: Double
  /// Share of a large convolution's rate, measured between the runs.
  let shareOfPeak: Double?
  let peakGigaflopPerSecond: Double?
  let plannedBytes: Int
  let residentBytes: Int
  let values: [String: Double]

  init(
    _ benchmark: StepBenchmark, _ peak: ConvolutionPeak?, repeats: Int, profiling: Bool
  ) throws {
    _ = try benchmark.run()
    values = benchmark.values
    var seconds: [Double] = []
    var shares: [Double] = []
    var peaks = try peak.map { [try $0.measure()] } ?? []
    for _ in 0..<repeats {
      let taken = try benchmark.run(profiling: profiling)
      seconds.append(taken)
      guard let peak else { continue }
      peaks.append(try peak.measure())
      shares.append(
        Double(benchmark.flops) / taken / max(peaks[peaks.count - 2], peaks[peaks.count - 1]))
    }
    let images = Double(benchmark.network.batchSize)
    let typical = Self.median(seconds)
    network = benchmark.network.name
    work = benchmark.work.rawValue
    batchSize = benchmark.network.batchSize
    threads = benchmark.threads
    compileSeconds = benchmark.compileSeconds
    millisecondsPerImage = 1000 * typical / images
    gigaflopPerImage = Double(benchmark.flops) / 1e9 / images
    gigaflopPerSecond = Double(benchmark.flops) / 1e9 / typical
    shareOfPeak = peak == nil ? nil : Self.median(shares)
    peakGigaflopPerSecond = peak == nil ? nil : Self.median(peaks) / 1e9
    plannedBytes = benchmark.plannedBytes
    residentBytes = largestResidentBytes()
  }

  private static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  static let head = [
    "network", "work", "ms/image", "GFLOP/image", "GFLOP/s", "of peak", "planned", "compile",
  ]
  var row: [String] {
    [
      network, work, Format.decimals(millisecondsPerImage, 2),
      Format.decimals(gigaflopPerImage, 2), Format.decimals(gigaflopPerSecond, 0),
      shareOfPeak.map { Format.decimals(100 * $0, 0) + " %" } ?? "–", Format.bytes(plannedBytes),
      Format.decimals(compileSeconds, 2) + " s",
    ]
  }
}

/// Where the time of a program goes.
private enum ProfileTable {
  static func text(_ profile: ProgramProfile) -> String {
    struct Total {
      var (count, nanoseconds, flops, bytes) = (0, 0.0, 0.0, 0.0)
      mutating func add(_ entry: ProgramProfile.Entry, runs: Double) {
        count += 1
        nanoseconds += Double(entry.nanoseconds) / runs
        flops += Double(entry.flops)
        bytes += Double(entry.bytes)
      }
      func row(_ name: String, of all: Double) -> [String] {
        [
          name, "\(count)", Format.decimals(nanoseconds / 1e6, 2),
          Format.decimals(100 * nanoseconds / all, 1) + " %",
          Format.decimals(flops / nanoseconds, 0), Format.decimals(bytes / nanoseconds, 0),
        ]
      }
    }
    let runs = Double(max(profile.runs, 1))
    var kinds: [String: Total] = [:]
    var all = Total()
    for entry in profile.entries {
      kinds[entry.name, default: Total()].add(entry, runs: runs)
      all.add(entry, runs: runs)
    }
    let head = ["kernels", "ms", "share", "GFLOP/s", "GB/s"]
    let byKind = kinds.sorted { $0.value.nanoseconds > $1.value.nanoseconds }
    let longest = profile.entries.sorted { $0.nanoseconds > $1.nanoseconds }.prefix(25)
    return Format.table(
      [["kind"] + head] + byKind.map { $0.value.row($0.key, of: all.nanoseconds) }
        + [all.row("all", of: all.nanoseconds)])
      + "\n"
      + Format.table(
        [["longest"] + head]
          + longest.map { entry in
            var total = Total()
            total.add(entry, runs: runs)
            return total.row(entry.name + "  " + entry.detail, of: all.nanoseconds)
          }, firstWidth: 110)
  }
}
extension ExecutionPolicy.Precision: ExpressibleByArgument {}
extension CPUKernelOptions.Library: ExpressibleByArgument {}
