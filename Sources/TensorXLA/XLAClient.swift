import CPJRT
import Foundation
import TensorGraph
import TensorRuntime

/// A plugin at work on one device or several: what compiles, uploads and holds buffers.
final class XLAClient {
  let device: XLADevice
  let plugin: Plugin
  let handle: OpaquePointer
  /// Small programs that parameters need, by what they are called.
  private var tools: [String: XLAExecutable] = [:]

  /// The plugin for processors is told to have no more devices.
  private static let mostOfCPUs = 128

  init(_ plugin: Plugin, device: XLADevice) throws(ExecutionError) {
    (self.plugin, self.device) = (plugin, device)
    do {
      // The plugin for processors has as many devices as it is told to have.
      let most = device.indices.max()!
      let count = device.kind == .cpu && (1..<Self.mostOfCPUs).contains(most) ? Int32(most + 1) : 0
      handle = try calling { trompe_pjrt_client_create(plugin.handle, count, $0) }
    } catch { throw error.cannotStart(plugin.path, on: device) }
    let platform = String(cString: trompe_pjrt_platform(handle))
    let count = trompe_pjrt_device_count(handle)
    guard device.kind.platforms.contains(platform) else {
      throw ExecutionError(
        "\(device): the plugin \(plugin.path) is for \(platform), expected one for "
          + "\(device.kind.platforms[0]); \(PluginSearch.advice(for: device))")
    }
    guard device.indices.allSatisfy({ $0 < count }) else {
      throw ExecutionError(
        "\(device): the plugin \(plugin.path) has \(count) device\(count == 1 ? "" : "s"), "
          + "counted from 0")
    }
  }

  deinit { trompe_pjrt_client_destroy(handle) }

  var name: String { device.description }

  /// What the device is called, e.g. `NVIDIA H200`.
  func kind(of index: Int) -> String { String(cString: trompe_pjrt_device_kind(handle, index)) }

  // MARK: Compiling

  func compile(_ text: String, isDeterministic: Bool) throws(ExecutionError) -> XLAExecutable {
    let options = CompileOptions(
      devices: device.indices == [0]
        ? [] : device.indices.map { Int(trompe_pjrt_device_id(handle, $0)) },
      flags: device.kind == .cuda && isDeterministic ? CompileOptions.Flag.deterministic : []
    ).bytes
    do {
      var text = text
      let executable = try calling { error in
        text.withUTF8 { code in
          code.withMemoryRebound(to: CChar.self) { code in
            trompe_pjrt_compile(
              handle, code.baseAddress, code.count, options, options.count, error)
          }
        }
      }
      return XLAExecutable(executable, of: self)
    } catch { throw error.executionError("compile a program", on: name) }
  }

  /// A small program that is made once.
  func tool(_ name: String, _ text: () -> String) throws(ExecutionError) -> XLAExecutable {
    if let known = tools[name] { return known }
    let made = try compile(text(), isDeterministic: true)
    tools[name] = made
    return made
  }

  // MARK: Uploading

  /// - Parameter isSplit: whether each device gets its part of the rows, and not all of them.
  func upload(
    _ input: ProgramInput, _ shape: Shape, isSplit: Bool = false
  ) throws(ExecutionError) -> DeviceBuffer {
    switch input {
    case .floats(let values):
      try upload(values, .float32, TROMPE_PJRT_FLOAT32, shape, isSplit: isSplit)
    case .indices(let values):
      try upload(values, .int32, TROMPE_PJRT_INT32, shape, isSplit: isSplit)
    }
  }

  func upload(_ tensor: Tensor) throws(ExecutionError) -> DeviceBuffer {
    try upload(.floats(tensor.values), tensor.shape)
  }

  private func upload<Element>(
    _ values: [Element], _ type: ElementType, _ code: trompe_pjrt_type, _ shape: Shape,
    isSplit: Bool
  ) throws(ExecutionError) -> DeviceBuffer {
    var dimensions = shape.dimensions.map(Int64.init)
    if isSplit { dimensions[0] /= Int64(device.count) }
    let part = isSplit ? values.count / device.count : values.count
    let buffer = DeviceBuffer(shape, type, of: self)
    do {
      for (place, index) in device.indices.enumerated() {
        let first = isSplit ? place * part : 0
        let made = try calling { error in
          values[first..<first + part].withUnsafeBytes { bytes in
            dimensions.withUnsafeBufferPointer {
              var array = trompe_pjrt_array(
                data: bytes.baseAddress, type: code, dimensions: $0.baseAddress, rank: $0.count)
              return trompe_pjrt_upload(handle, index, &array, error)
            }
          }
        }
        buffer.handles.append(made)
      }
      return buffer
    } catch { throw error.executionError("take up \(shape) values", on: name) }
  }
}

/// An array on the devices: all of it on each, or of an input that they share a part on each.
final class DeviceBuffer {
  let shape: Shape
  let type: ElementType
  let client: XLAClient
  /// One for each device.
  fileprivate(set) var handles: [OpaquePointer] = []

  init(_ shape: Shape, _ type: ElementType, of client: XLAClient) {
    (self.shape, self.type, self.client) = (shape, type, client)
  }

  deinit { for handle in handles { trompe_pjrt_buffer_destroy(handle) } }

  /// Whether an execution has taken its memory.
  var isTaken: Bool { trompe_pjrt_is_deleted(handles[0]) != 0 }

  /// A copy on the host; indices come back as floats. Waits for the values.
  /// - Precondition: it is no input that devices share.
  func download() throws(ExecutionError) -> Tensor {
    switch type {
    case .float32: Tensor(shape: shape, values: try values(of: Float.self, zero: 0))
    case .int32:
      Tensor(shape: shape, values: try values(of: Int32.self, zero: 0).map(Float.init))
    case .uint8: Tensor(shape: shape, values: try bytes().map(Float.init))
    }
  }

  func bytes() throws(ExecutionError) -> [UInt8] { try values(of: UInt8.self, zero: 0) }

  private func values<Element>(of _: Element.Type, zero: Element) throws(ExecutionError)
    -> [Element]
  {
    var values = [Element](repeating: zero, count: shape.count)
    guard !values.isEmpty else { return values }
    do {
      _ = try calling { error in
        let status = values.withUnsafeMutableBytes {
          trompe_pjrt_download(handles[0], $0.baseAddress, $0.count, error)
        }
        return status == 0 ? true : nil
      }
    } catch { throw error.executionError("give back \(shape) values", on: client.name) }
    return values
  }
}

/// A compiled program.
final class XLAExecutable {
  private let handle: OpaquePointer
  private let client: XLAClient

  init(_ handle: OpaquePointer, of client: XLAClient) {
    (self.handle, self.client) = (handle, client)
  }

  deinit { trompe_pjrt_executable_destroy(handle) }

  /// Begins a run. Arguments that are donated are gone.
  /// - Parameter results: their shapes and types.
  func execute(
    _ arguments: [DeviceBuffer], results: [(shape: Shape, type: ElementType)]
  ) throws(ExecutionError) -> [DeviceBuffer] {
    precondition(
      trompe_pjrt_result_count(handle) == results.count,
      "\(trompe_pjrt_result_count(handle)) results, \(results.count) expected")
    let devices = client.device.count
    let given: [OpaquePointer?] = (0..<devices).flatMap { place in
      arguments.map { $0.handles[place] }
    }
    var made = [OpaquePointer?](repeating: nil, count: max(devices * results.count, 1))
    do {
      _ = try calling { error in
        let status = given.withUnsafeBufferPointer { given in
          made.withUnsafeMutableBufferPointer { made in
            trompe_pjrt_execute(
              handle, devices, given.baseAddress, arguments.count, made.baseAddress, error)
          }
        }
        return status == 0 ? true : nil
      }
    } catch { throw error.executionError("run a program", on: client.name) }
    return results.enumerated().map { position, result in
      let buffer = DeviceBuffer(result.shape, result.type, of: client)
      for place in 0..<devices { buffer.handles.append(made[place * results.count + position]!) }
      return buffer
    }
  }

  /// What the compiler has made of the module, as a protocol buffer of XLA's; `nil` if the plugin does not
  /// tell.
  var optimized: [UInt8]? {
    var size = 0
    guard let code = trompe_pjrt_optimized(handle, &size) else { return nil }
    defer { free(code) }
    return [UInt8](UnsafeRawBufferPointer(start: code, count: size))
  }

  /// Bytes that a run needs between arguments and results; `nil` if the plugin does not tell.
  var temporaryBytes: Int? {
    var memory = trompe_pjrt_memory()
    return trompe_pjrt_memory_of(handle, &memory) != 0 ? Int(memory.temporary) : nil
  }
}
