import Recipes
import Testing

struct ComputeDeviceTests {
  @Test(
    arguments: [
      ("cpu", ComputeDevice.cpu, "cpu"), ("xla-cpu", .xlaCPU([0]), "xla-cpu"),
      ("xla-cpu:0,1", .xlaCPU([0, 1]), "xla-cpu:0,1"), ("cuda", .cuda([0]), "cuda"),
      ("cuda:0", .cuda([0]), "cuda"), ("cuda:1", .cuda([1]), "cuda:1"),
      ("cuda:3,1", .cuda([3, 1]), "cuda:3,1"),
    ])
  func devicesAreReadAndWritten(text: String, device: ComputeDevice, written: String) {
    #expect(ComputeDevice(text) == device)
    #expect(device.description == written)
  }

  @Test(
    arguments: [
      "", "gpu", "cpu:0", "cuda:", "cuda:,", "cuda:0,", "cuda:-1", "cuda:+1", "cuda:01", "cuda:1,1",
      "cuda:0:1", "cuda:0, 1", "cuda:1024", "cuda:99999999999999999999",
    ])
  func othersAreRefused(text: String) { #expect(ComputeDevice(text) == nil) }
}
