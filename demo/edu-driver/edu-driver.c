// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver for QEMU's "edu" PCI device that gives its users DMA memory: what a
 * driver has to do for that to be charged to them.
 */
#include <linux/delay.h>
#include <linux/dma-alloc-handle.h>
#include <linux/fs.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/iopoll.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../edu-ioctl.h"

#define EDU_DMA_SRC		0x80
#define EDU_DMA_DST		0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_CMD		0x98
#define EDU_DMA_START		BIT(0)
#define EDU_DMA_TO_MEMORY	BIT(1)
/* Where the device sees its own memory */
#define EDU_DMA_BUFFER		0x40000

static struct pci_dev *edu;
static void __iomem *regs;
static DEFINE_MUTEX(edu_lock);

static int edu_open(struct inode *inode, struct file *file)
{
	file->private_data = NULL;
	return 0;
}

static int edu_release(struct inode *inode, struct file *file)
{
	if (file->private_data)
		dma_alloc_handle_free(file->private_data);
	return 0;
}

/* The one line that makes the difference is DMA_ATTR_ACCOUNT. */
static int edu_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct dma_alloc_handle *mem;

	guard(mutex)(&edu_lock);
	if (file->private_data)
		return -EBUSY;

	mem = dma_alloc_handle_coherent(&edu->dev, vma->vm_end - vma->vm_start,
					GFP_KERNEL, DMA_ATTR_ACCOUNT);
	if (IS_ERR(mem))
		return PTR_ERR(mem);

	file->private_data = mem;
	return dma_alloc_handle_mmap(mem, vma);
}

static int edu_transfer(u64 src, u64 dst, u32 size, u32 cmd)
{
	u32 val;

	writeq(src, regs + EDU_DMA_SRC);
	writeq(dst, regs + EDU_DMA_DST);
	writeq(size, regs + EDU_DMA_COUNT);
	writeq(cmd | EDU_DMA_START, regs + EDU_DMA_CMD);
	return readl_poll_timeout(regs + EDU_DMA_CMD, val,
				  !(val & EDU_DMA_START), 10000, 5000000);
}

static long edu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct dma_alloc_handle *mem;
	struct edu_copy copy;
	dma_addr_t addr;
	size_t size;
	int ret;

	if (cmd != EDU_COPY)
		return -ENOTTY;
	if (copy_from_user(&copy, (void __user *)arg, sizeof(copy)))
		return -EFAULT;

	guard(mutex)(&edu_lock);
	mem = file->private_data;
	if (!mem)
		return -ENODATA;
	size = dma_alloc_handle_size(mem);
	if (!copy.size || copy.size > EDU_MAX_COPY || copy.size > size ||
	    copy.from > size - copy.size || copy.to > size - copy.size)
		return -EINVAL;

	addr = dma_alloc_handle_addr(mem);
	ret = edu_transfer(addr + copy.from, EDU_DMA_BUFFER, copy.size, 0);
	if (ret)
		return ret;
	return edu_transfer(EDU_DMA_BUFFER, addr + copy.to, copy.size,
			    EDU_DMA_TO_MEMORY);
}

static const struct file_operations edu_fops = {
	.owner		= THIS_MODULE,
	.open		= edu_open,
	.release	= edu_release,
	.mmap		= edu_mmap,
	.unlocked_ioctl	= edu_ioctl,
};

static struct miscdevice edu_misc = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "edu",
	.fops	= &edu_fops,
};

/* There is no way out: one device, bound as long as the guest runs. */
static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int ret;

	if (edu)
		return -ENODEV;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	regs = pcim_iomap_region(pdev, 0, "edu");
	if (IS_ERR(regs))
		return PTR_ERR(regs);
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(32));
	if (ret)
		return ret;
	pci_set_master(pdev);

	edu = pdev;
	ret = misc_register(&edu_misc);
	if (ret)
		edu = NULL;
	return ret;
}

static const struct pci_device_id edu_ids[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{}
};

static struct pci_driver edu_driver = {
	.name		= "edu",
	.id_table	= edu_ids,
	.probe		= edu_probe,
	.driver		= { .suppress_bind_attrs = true },
};
builtin_pci_driver(edu_driver);

MODULE_DESCRIPTION("QEMU's edu device, for a demonstration");
MODULE_LICENSE("GPL");
