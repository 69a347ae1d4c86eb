# The same image as a local virtual machine, under software emulation if need be.

source "qemu" "throughway" {
  iso_url          = "${var.base}/base.qcow2"
  iso_checksum     = "none"
  disk_image       = true
  use_backing_file = false
  skip_resize_disk = true
  format           = "qcow2"
  output_directory = "${var.output}/qemu"
  vm_name          = "throughway.qcow2"

  accelerator    = var.accelerator
  headless       = true
  memory         = 1024
  cpus           = 2
  net_device     = "virtio-net"
  disk_interface = "virtio"
  # The kernel is started directly: no boot loader, no key to press.
  boot_wait = "-1s"
  # An own netdev, since Packer's forwards the SSH port on all of this machine's addresses.
  qemuargs = [
    ["-cpu", "max"],
    ["-kernel", "${var.base}/vmlinuz"],
    ["-initrd", "${var.base}/initrd.img"],
    ["-append", "root=/dev/vda rw console=ttyS0 net.ifnames=0"],
    ["-device", "virtio-rng-pci"],
    ["-device", "virtio-net,netdev=user.0"],
    ["-netdev", "user,id=user.0,hostfwd=tcp:127.0.0.1:{{ .SSHHostPort }}-:22"],
    ["-drive", "file=${var.output}/qemu/throughway.qcow2,if=virtio,cache=unsafe,discard=unmap,detect-zeroes=unmap,format=qcow2"],
    ["-drive", "file=${var.seed},if=virtio,format=raw,readonly=on"],
    ["-serial", "file:${var.output}/build-console.log"],
  ]

  communicator         = "ssh"
  ssh_username         = "admin"
  ssh_private_key_file = var.local_key_file
  ssh_timeout          = "20m"
  shutdown_command     = "sudo -n shutdown -P now"
  shutdown_timeout     = "10m"
}
