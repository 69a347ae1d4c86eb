# Boots the built image as an operator would and checks it from inside. `make image-test` runs it.

source "qemu" "verify" {
  iso_url          = "${var.output}/qemu/throughway.qcow2"
  iso_checksum     = "none"
  disk_image       = true
  use_backing_file = true
  skip_resize_disk = true
  format           = "qcow2"
  output_directory = "${var.output}/verify"
  vm_name          = "verify.qcow2"

  # Without it: "Backing file specified without backing format".
  qemu_img_args {
    create = ["-F", "qcow2"]
  }

  accelerator    = var.accelerator
  headless       = true
  memory         = 1024
  cpus           = 2
  net_device     = "virtio-net"
  disk_interface = "virtio"
  boot_wait      = "-1s"
  qemuargs = [
    ["-cpu", "max"],
    ["-kernel", "${var.base}/vmlinuz"],
    ["-initrd", "${var.base}/initrd.img"],
    ["-append", "root=/dev/vda rw console=ttyS0 net.ifnames=0"],
    ["-device", "virtio-rng-pci"],
    ["-device", "virtio-net,netdev=user.0"],
    ["-netdev", "user,id=user.0,hostfwd=tcp:127.0.0.1:{{ .SSHHostPort }}-:22"],
    ["-drive", "file=${var.output}/verify/verify.qcow2,if=virtio,cache=unsafe,discard=unmap,format=qcow2"],
    ["-drive", "file=${var.verify_seed},if=virtio,format=raw,readonly=on"],
    ["-serial", "file:${var.output}/verify-console.log"],
  ]

  communicator         = "ssh"
  ssh_username         = "admin"
  ssh_private_key_file = var.local_key_file
  ssh_timeout          = "20m"
  shutdown_command     = "sudo -n shutdown -P now"
  shutdown_timeout     = "10m"
}

build {
  name    = "verify"
  sources = ["source.qemu.verify"]

  # To be installed again, as an upgrade.
  provisioner "file" {
    source      = var.package
    destination = "/var/tmp/throughway.deb"
  }

  provisioner "shell" {
    remote_folder = "/var/tmp"
    environment_vars = [
      "DEV=${var.dev}",
    ]
    execute_command = "sudo -n env {{ .Vars }} sh '{{ .Path }}'"
    scripts         = ["tests/image.sh"]
  }
}
