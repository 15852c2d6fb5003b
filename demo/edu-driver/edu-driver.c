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
#include <linux/kref.h>
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

/* There as long as the driver is bound or somebody has it open */
struct edu {
	struct miscdevice misc;
	struct kref ref;
	struct mutex lock;	/* the rest, the device, and what clients have */
	struct pci_dev *pdev;	/* NULL: the device is gone, and regs with it */
	void __iomem *regs;
};

/* Of one client: what it has mapped, if it has */
struct edu_file {
	struct edu *edu;
	struct dma_alloc_handle *mem;
	size_t size;
};

/* The first device that comes is the one that is used. */
static unsigned long edu_taken;

static void edu_free(struct kref *ref)
{
	kfree(container_of(ref, struct edu, ref));
}

/* misc_deregister() waits for it: what is registered is there. */
static int edu_open(struct inode *inode, struct file *file)
{
	struct edu *edu = container_of(file->private_data, struct edu, misc);
	struct edu_file *client;

	client = kzalloc_obj(struct edu_file);
	if (!client)
		return -ENOMEM;

	kref_get(&edu->ref);
	client->edu = edu;
	file->private_data = client;
	return 0;
}

/* Memory and charge are returned now, whether there is a device or not. */
static int edu_release(struct inode *inode, struct file *file)
{
	struct edu_file *client = file->private_data;

	dma_alloc_handle_free(client->mem);
	kref_put(&client->edu->ref, edu_free);
	kfree(client);
	return 0;
}

/*
 * What makes the difference is DMA_ATTR_ACCOUNT. A client may have its memory
 * mapped when the device is taken away.
 */
static int edu_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct edu_file *client = file->private_data;
	struct edu *edu = client->edu;
	struct dma_alloc_req req = {
		.size = vma->vm_end - vma->vm_start,
		.gfp = GFP_KERNEL,
		.attrs = DMA_ATTR_ACCOUNT,
		.outlives_driver = true,
	};
	struct dma_alloc_handle *mem;

	guard(mutex)(&edu->lock);
	if (!edu->pdev)
		return -ENODEV;
	if (client->mem)
		return -EBUSY;

	mem = dma_alloc_handle(&edu->pdev->dev, &req);
	if (IS_ERR(mem))
		return PTR_ERR(mem);

	client->mem = mem;
	client->size = req.size;
	return dma_alloc_handle_mmap(mem, vma);
}

static int edu_transfer(struct edu *edu, u64 src, u64 dst, u32 size, u32 cmd)
{
	void __iomem *regs = edu->regs;
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
	struct edu_file *client = file->private_data;
	struct edu *edu = client->edu;
	struct edu_copy copy;
	dma_addr_t addr;
	size_t size;
	int ret;

	if (cmd != EDU_COPY)
		return -ENOTTY;
	if (copy_from_user(&copy, (void __user *)arg, sizeof(copy)))
		return -EFAULT;

	guard(mutex)(&edu->lock);
	if (!edu->pdev)
		return -ENODEV;
	if (!client->mem)
		return -ENODATA;
	size = client->size;
	if (!copy.size || copy.size > EDU_MAX_COPY || copy.size > size ||
	    copy.from > size - copy.size || copy.to > size - copy.size)
		return -EINVAL;

	addr = dma_alloc_handle_addr(client->mem);
	ret = edu_transfer(edu, addr + copy.from, EDU_DMA_BUFFER, copy.size, 0);
	if (ret)
		return ret;
	return edu_transfer(edu, EDU_DMA_BUFFER, addr + copy.to, copy.size,
			    EDU_DMA_TO_MEMORY);
}

static const struct file_operations edu_fops = {
	.owner		= THIS_MODULE,
	.open		= edu_open,
	.release	= edu_release,
	.mmap		= edu_mmap,
	.unlocked_ioctl	= edu_ioctl,
};

static int edu_start(struct pci_dev *pdev, struct edu *edu)
{
	int ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	edu->regs = pcim_iomap_region(pdev, 0, "edu");
	if (IS_ERR(edu->regs))
		return PTR_ERR(edu->regs);
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(32));
	if (ret)
		return ret;
	pci_set_master(pdev);
	return misc_register(&edu->misc);
}

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct edu *edu;
	int ret;

	if (test_and_set_bit(0, &edu_taken))
		return -ENODEV;

	ret = -ENOMEM;
	edu = kzalloc_obj(struct edu);
	if (!edu)
		goto err_taken;

	kref_init(&edu->ref);
	mutex_init(&edu->lock);
	edu->pdev = pdev;
	edu->misc.minor = MISC_DYNAMIC_MINOR;
	edu->misc.name = "edu";
	edu->misc.fops = &edu_fops;
	ret = edu_start(pdev, edu);
	if (ret)
		goto err_free;

	pci_set_drvdata(pdev, edu);
	return 0;

err_free:
	kfree(edu);
err_taken:
	clear_bit(0, &edu_taken);
	return ret;
}

/*
 * Nobody opens it any more, and who has it open does not get at the device. The
 * memory stays where it is, and charged, until it is closed.
 */
static void edu_remove(struct pci_dev *pdev)
{
	struct edu *edu = pci_get_drvdata(pdev);

	misc_deregister(&edu->misc);
	scoped_guard(mutex, &edu->lock)
		edu->pdev = NULL;
	kref_put(&edu->ref, edu_free);
	clear_bit(0, &edu_taken);
}

static const struct pci_device_id edu_ids[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{}
};

static struct pci_driver edu_driver = {
	.name		= "edu",
	.id_table	= edu_ids,
	.probe		= edu_probe,
	.remove		= edu_remove,
};
builtin_pci_driver(edu_driver);

MODULE_DESCRIPTION("QEMU's edu device, for a demonstration");
MODULE_LICENSE("GPL");
